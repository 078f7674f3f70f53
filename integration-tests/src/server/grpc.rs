//! Calls through generated clients.

use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
};

/// Adds a token to every call of a generated client: `Client::with_interceptor(channel, ..)`.
///
/// # Panics
/// When the token cannot stand in a header.
pub fn bearer(token: &str) -> impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone + use<> {
    let value: MetadataValue<Ascii> = format!("Bearer {token}")
        .parse()
        .expect("a token can stand in a header");
    move |mut request| {
        request
            .metadata_mut()
            .insert("authorization", value.clone());
        Ok(request)
    }
}
