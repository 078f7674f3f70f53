//! The client has every method of the API, as the descriptor describes it.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::collections::BTreeSet;

use billing_client::METHODS;
use billing_proto::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost_types::FileDescriptorSet;

/// Name, path, messages and streams.
type Described = ((String, String), String, (String, String), (bool, bool));

fn described() -> BTreeSet<Described> {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
    let mut methods = BTreeSet::new();
    for file in files {
        for service in &file.service {
            let service_name = format!("{}.{}", file.package(), service.name());
            for method in &service.method {
                let message = |name: &str| {
                    let name = name.strip_prefix(".billing.v1.");
                    name.unwrap().to_owned()
                };
                methods.insert((
                    (service_name.clone(), method.name().to_owned()),
                    format!("/{service_name}/{}", method.name()),
                    (message(method.input_type()), message(method.output_type())),
                    (method.client_streaming(), method.server_streaming()),
                ));
            }
        }
    }
    methods
}

#[test]
fn every_method_of_the_api_is_a_call_with_its_messages() {
    let pair = |(one, other): (&str, &str)| (one.to_owned(), other.to_owned());
    let calls: Vec<Described> = METHODS
        .iter()
        .map(|method| {
            let (name, messages) = (pair(method.name), pair(method.messages));
            (name, method.path.to_owned(), messages, method.streams)
        })
        .collect();
    let described = described();
    let missing: Vec<_> = described.iter().filter(|m| !calls.contains(m)).collect();
    assert!(missing.is_empty(), "no call of {missing:#?}");
    let unknown: Vec<_> = calls.iter().filter(|m| !described.contains(m)).collect();
    assert!(unknown.is_empty(), "no method of {unknown:#?}");
    assert_eq!(calls.len(), described.len(), "a method is listed twice");
}
