//! Documents as they are issued.

use billing_core::money::Money;
use chrono::NaiveDate;

use super::super::document::{
    Buyer, Corrected, Discount, Document, Exemption, Kind, Language, Line, Period, Seller,
    Settlement, Unit,
};

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(super) fn usd(amount: &str) -> Money {
    amount.parse().unwrap()
}

fn november() -> Period {
    Period {
        first: day("2024-11-01"),
        last: day("2024-11-30"),
    }
}

/// A line of usage, whose number makes it another one.
pub(super) fn usage(number: i64) -> Line {
    Line {
        description: format!("AI API usage - model-{number}"),
        period: None,
        quantity: 1_234 * number,
        unit: Unit::Tokens,
        unit_price: "0.037091".parse().unwrap(),
        amount: usd("20.4").times(number).unwrap(),
        exact_amount: None,
    }
}

/// The invoice of the contract's worked example: no plan.
pub(super) fn invoice() -> Document {
    let mut lines = vec![usage(1), usage(1)];
    "AI API usage - gpt-4".clone_into(&mut lines[0].description);
    lines[0].quantity = 550_000;
    "AI API usage - gpt-3.5-turbo".clone_into(&mut lines[1].description);
    lines[1].quantity = 600_333;
    lines[1].unit_price = "0.001658".parse().unwrap();
    lines[1].amount = usd("1");
    lines[1].exact_amount = Some(usd("0.9954995"));
    Document {
        kind: Kind::Invoice,
        language: Language::English,
        currency: "USD".to_owned(),
        document_number: "INV-2024-000123".to_owned(),
        invoice_number: "INV-user_42-2024-11".to_owned(),
        corrects: None,
        seller: seller(),
        buyer: buyer(),
        issued_on: day("2024-12-02"),
        due_on: Some(day("2025-01-01")),
        service_period: Some(november()),
        lines,
        subtotal: usd("21.4"),
        discounts: vec![
            Discount {
                label: "Account discount (rate 0.9)".to_owned(),
                amount: usd("2.14"),
            },
            Discount {
                label: "Coupon SAVE20".to_owned(),
                amount: usd("3.85"),
            },
        ],
        rounding_difference: usd("0.0045005"),
        net: usd("15.41"),
        tax_rate: "0.1".parse().unwrap(),
        tax_amount: usd("1.54"),
        exemption: None,
        total: usd("16.95"),
        credit_applied: Money::ZERO,
        credited: Money::ZERO,
        amount_due: usd("16.95"),
        settlement: Settlement::ToPay(
            "Bank transfer to IBAN DE02 1203 0000 0000 2020 51, BIC BYLADEM1001.\n\
             Please quote the document number INV-2024-000123."
                .to_owned(),
        ),
    }
}

fn seller() -> Seller {
    Seller {
        name: "Lumen Gateway GmbH".to_owned(),
        address: "Friedrichstraße 123\n10117 Berlin".to_owned(),
        country: "Germany".to_owned(),
        tax_id: "DE123456789".to_owned(),
        registration: "HRB 123456 B, Amtsgericht Charlottenburg".to_owned(),
        footer: "Lumen Gateway GmbH · Managing directors: J. Novák, Ν. Παπαδόπουλος · \
                 billing@lumen.example"
            .to_owned(),
    }
}

fn buyer() -> Buyer {
    Buyer {
        name: "Orchard Analytics Ltd".to_owned(),
        address: "4 Wharf Road\nLondon N1 7SD".to_owned(),
        country: "United Kingdom".to_owned(),
        tax_id: "GB987654321".to_owned(),
        user_id: "user_42".to_owned(),
    }
}

/// An invoice of many lines.
pub(super) fn long(lines: i64) -> Document {
    Document {
        lines: (1..=lines).map(usage).collect(),
        ..invoice()
    }
}

/// A credit note on that invoice.
pub(super) fn credit_note() -> Document {
    Document {
        kind: Kind::CreditNote,
        document_number: "CN-2024-000007".to_owned(),
        corrects: Some(Corrected {
            document_number: "INV-2024-000123".to_owned(),
            issued_on: day("2024-12-02"),
        }),
        due_on: None,
        settlement: Settlement::ToPay(String::new()),
        ..invoice()
    }
}

/// A text of letters that all need other fonts.
pub(in crate::delivery::invoice_pdf) const MIXED: &str =
    "Abé Δέ Жя שלום مرحبا 中文字 ひらカナ 한글 \u{1f600} \u{e000} 1€";

/// Every kind of document, and what is hard to set.
pub(super) fn samples() -> Vec<(&'static str, Document)> {
    vec![
        ("short.pdf", invoice()),
        ("pages.pdf", long(60)),
        ("receipt.pdf", receipt()),
        ("credit_note.pdf", credit_note()),
        ("cancellation.pdf", cancellation()),
        ("reverse_charge_hebrew.pdf", reverse_charge()),
        ("arabic_emoji.pdf", arabic()),
        ("chinese.pdf", chinese()),
        ("long_words.pdf", long_words()),
    ]
}

/// The receipt of what was paid before.
pub(super) fn receipt() -> Document {
    Document {
        kind: Kind::Receipt,
        document_number: "INV-2024-000124".to_owned(),
        due_on: None,
        amount_due: Money::ZERO,
        settlement: Settlement::Paid {
            on: day("2024-12-02"),
            method: "card".to_owned(),
        },
        ..invoice()
    }
}

pub(super) fn cancellation() -> Document {
    Document {
        kind: Kind::Cancellation,
        document_number: "CN-2024-000008".to_owned(),
        ..credit_note()
    }
}

/// An invoice without tax, a part of which is paid, to a buyer with a Hebrew name.
pub(super) fn reverse_charge() -> Document {
    let mut document = invoice();
    document.tax_rate = "0".parse().unwrap();
    document.tax_amount = Money::ZERO;
    document.exemption = Some(Exemption::ReverseCharge);
    document.total = usd("15.41");
    document.credit_applied = usd("5");
    document.credited = usd("1");
    document.amount_due = usd("9.41");
    "שלום טכנולוגיות בע\"מ (Shalom 2024)".clone_into(&mut document.buyer.name);
    "רחוב הרצל 12, דירה 4\nתל אביב".clone_into(&mut document.buyer.address);
    "ישראל".clone_into(&mut document.buyer.country);
    document
}

fn arabic() -> Document {
    let mut document = invoice();
    "شركة الأفق للتقنية (Horizon) 2024".clone_into(&mut document.buyer.name);
    "شارع الملك فهد ١٢٣\nالرياض 11564".clone_into(&mut document.buyer.address);
    document.lines[0].description = format!("AI API usage - نموذج-4 {MIXED} ไทย");
    document.lines[0].period = Some(november());
    document.lines.push(Line {
        description: "Pro".to_owned(),
        period: Some(november()),
        quantity: 1,
        unit: Unit::Pieces,
        unit_price: "99.99".parse().unwrap(),
        amount: usd("99.99"),
        exact_amount: None,
    });
    document
}

fn chinese() -> Document {
    let mut document = long(40);
    document.language = Language::Chinese;
    "株式会社サンプル / 서울 한글 주식회사 / 上海云图智能科技有限公司"
        .clone_into(&mut document.buyer.name);
    "上海市浦东新区世纪大道100号\n上海环球金融中心55楼".clone_into(&mut document.buyer.address);
    "人工智能接口用量，包括提示词与补全词元，按每千个词元计价（含缓存命中部分）。"
        .clone_into(&mut document.lines[0].description);
    document
}

fn long_words() -> Document {
    let mut document = long(3);
    document.buyer.name = "W".repeat(128);
    document.buyer.address = "字".repeat(1_000);
    document.lines[0].description = "W".repeat(128);
    document.lines[1].description = "字".repeat(128);
    document.lines[2].description = "A long description of what was used and how. ".repeat(30);
    document.lines[2].quantity = i64::MAX;
    document.lines[2].amount = usd("999999999999.99");
    document.lines[2].unit_price = "0.000000123456".parse().unwrap();
    document.discounts[0].label = "W".repeat(128);
    document
}
