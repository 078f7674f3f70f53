mod layout;
mod readers;
pub(super) mod samples;

use proptest::prelude::*;
use rstest::rstest;

use super::{
    document::{Document, Language, Settlement},
    render,
};
use samples::{invoice, long, samples};

#[rstest]
fn the_same_document_is_the_same_bytes() {
    for (name, document) in samples() {
        assert!(
            render(&document).unwrap() == render(&document).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn another_document_has_another_id() {
    let other = Document {
        document_number: "INV-2024-000124".to_owned(),
        ..invoice()
    };
    assert_ne!(
        id(&render(&invoice()).unwrap()),
        id(&render(&other).unwrap())
    );
}

fn id(pdf: &[u8]) -> String {
    let text = String::from_utf8_lossy(pdf);
    let (_, id) = text.split_once("<xmpMM:DocumentID>").unwrap();
    id.split_once('<').unwrap().0.to_owned()
}

#[rstest]
#[case::english(Language::English, "en", "Invoice INV-2024-000123")]
#[case::chinese(Language::Chinese, "zh-CN", "账单 INV-2024-000123")]
fn a_file_says_what_it_is(#[case] language: Language, #[case] tag: &str, #[case] title: &str) {
    let document = Document {
        language,
        ..invoice()
    };
    let pdf = render(&document).unwrap();
    assert!(pdf.starts_with(b"%PDF-1.7"));
    let text = String::from_utf8_lossy(&pdf);
    for part in [
        "<pdfaid:part>2</pdfaid:part>",
        "<pdfaid:conformance>U</pdfaid:conformance>",
        "<xmp:CreateDate>2024-12-02T00:00:00Z</xmp:CreateDate>",
        &format!("<rdf:li>{tag}</rdf:li>"),
        &format!(">{title}</rdf:li>"),
    ] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn a_file_is_small() {
    assert!(render(&invoice()).unwrap().len() < 40_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_texts_can_be_rendered(texts in prop::array::uniform8(any::<String>())) {
        let mut document = long(3);
        let [number, name, address, description, label, how, footer, currency] = texts;
        document.document_number = number;
        document.seller.name.clone_from(&name);
        document.seller.footer = footer;
        document.buyer.name = name;
        document.buyer.address = address;
        document.lines[1].description = description;
        document.discounts[0].label = label;
        document.settlement = Settlement::ToPay(how);
        document.currency = currency;
        prop_assert!(render(&document).is_ok());
    }
}

#[test]
#[ignore = "writes files to look at"]
fn samples_to_look_at() {
    let folder = std::env::temp_dir().join("invoice-pdf");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, document) in samples() {
        std::fs::write(folder.join(name), render(&document).unwrap()).unwrap();
    }
}

#[rstest]
#[case::of_10_lines(1_000, 10)]
#[case::of_60_lines(100, 60)]
#[ignore = "measures"]
fn how_long_documents_take(#[case] documents: i64, #[case] lines: i64) {
    let document = long(lines);
    let first = std::time::Instant::now();
    render(&document).unwrap();
    let begin = std::time::Instant::now();
    for _ in 0..documents {
        render(&document).unwrap();
    }
    let took = begin.elapsed();
    println!(
        "{documents} of {lines} lines: {took:?}; the first {:?}",
        begin - first
    );
}
