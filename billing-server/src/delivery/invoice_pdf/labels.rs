//! The words of a document in its language.

use super::document::{Exemption, Kind, Language, Unit};

/// The words that do not depend on anything.
pub(super) struct Labels {
    pub(super) document_number: &'static str,
    pub(super) invoice_number: &'static str,
    pub(super) corrects: &'static str,
    pub(super) issued_on: &'static str,
    pub(super) due_on: &'static str,
    pub(super) service_period: &'static str,
    pub(super) seller: &'static str,
    pub(super) buyer: &'static str,
    pub(super) tax_id: &'static str,
    pub(super) registration: &'static str,
    pub(super) user_id: &'static str,
    pub(super) description: &'static str,
    pub(super) quantity: &'static str,
    pub(super) unit_price: &'static str,
    pub(super) amount: &'static str,
    pub(super) exact: &'static str,
    pub(super) carried_forward: &'static str,
    pub(super) brought_forward: &'static str,
    pub(super) subtotal: &'static str,
    pub(super) rounding: &'static str,
    pub(super) net: &'static str,
    pub(super) tax: &'static str,
    pub(super) total: &'static str,
    pub(super) credit_applied: &'static str,
    pub(super) credited: &'static str,
    pub(super) amount_due: &'static str,
    pub(super) payment: &'static str,
}

const ENGLISH: Labels = Labels {
    document_number: "Document number",
    invoice_number: "Reference",
    corrects: "For document",
    issued_on: "Date of issue",
    due_on: "Due date",
    service_period: "Service period",
    seller: "From",
    buyer: "Bill to",
    tax_id: "Tax ID",
    registration: "Registration",
    user_id: "Customer ID",
    description: "Description",
    quantity: "Quantity",
    unit_price: "Unit price",
    amount: "Amount",
    exact: "exactly",
    carried_forward: "Carried forward",
    brought_forward: "Brought forward",
    subtotal: "Subtotal",
    rounding: "of which rounding of lines",
    net: "Net amount",
    tax: "Tax",
    total: "Total",
    credit_applied: "Paid from credit balance",
    credited: "Credit notes",
    amount_due: "Amount due",
    payment: "Payment",
};

const CHINESE: Labels = Labels {
    document_number: "单据编号",
    invoice_number: "账单号",
    corrects: "对应单据",
    issued_on: "开具日期",
    due_on: "到期日期",
    service_period: "服务期间",
    seller: "开具方",
    buyer: "客户",
    tax_id: "税号",
    registration: "注册信息",
    user_id: "客户编号",
    description: "项目",
    quantity: "数量",
    unit_price: "单价",
    amount: "金额",
    exact: "精确值",
    carried_forward: "转下页",
    brought_forward: "承上页",
    subtotal: "小计",
    rounding: "其中各项舍入差额",
    net: "不含税金额",
    tax: "税额",
    total: "合计",
    credit_applied: "余额抵扣",
    credited: "贷项通知单冲减",
    amount_due: "应付金额",
    payment: "付款",
};

impl Language {
    pub(super) const fn labels(self) -> &'static Labels {
        match self {
            Self::English => &ENGLISH,
            Self::Chinese => &CHINESE,
        }
    }

    /// The language as a tag (RFC 3066).
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    pub(super) const fn title(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::English, Kind::Invoice) => "Invoice",
            (Self::English, Kind::Receipt) => "Receipt",
            (Self::English, Kind::CreditNote) => "Credit note",
            (Self::English, Kind::Cancellation) => "Cancellation",
            (Self::Chinese, Kind::Invoice) => "账单",
            (Self::Chinese, Kind::Receipt) => "收据",
            (Self::Chinese, Kind::CreditNote) => "贷项通知单",
            (Self::Chinese, Kind::Cancellation) => "作废通知单",
        }
    }

    /// What the quantity counts; empty for pieces.
    pub(super) const fn counted(self, unit: Unit) -> &'static str {
        match unit {
            Unit::Tokens => "tokens",
            Unit::Pieces => "",
        }
    }

    /// What the price is for.
    pub(super) const fn priced(self, unit: Unit) -> &'static str {
        match (self, unit) {
            (Self::English, Unit::Tokens) => "per 1,000 tokens",
            (Self::English, Unit::Pieces) => "per piece",
            (Self::Chinese, Unit::Tokens) => "每 1,000 tokens",
            (Self::Chinese, Unit::Pieces) => "每件",
        }
    }

    pub(super) const fn exemption(self, exemption: Exemption) -> &'static str {
        match (self, exemption) {
            (Self::English, Exemption::ReverseCharge) => {
                "Reverse charge: the customer is liable for the tax on this supply."
            }
            (Self::English, Exemption::Exempt) => "This supply is exempt from tax.",
            (Self::English, Exemption::OutsideScope) => "This supply is outside the scope of tax.",
            (Self::Chinese, Exemption::ReverseCharge) => "反向征税：本次服务的税款由客户申报缴纳。",
            (Self::Chinese, Exemption::Exempt) => "本次服务免税。",
            (Self::Chinese, Exemption::OutsideScope) => "本次服务不在征税范围内。",
        }
    }

    /// What the document comes to, in one sentence without a full stop.
    pub(super) fn headline(self, of: &Headline<'_>) -> String {
        match (self, of) {
            (Self::English, Headline::Due(amount, Some(day))) => format!("{amount} due {day}"),
            (Self::English, Headline::Due(amount, None)) => format!("{amount} due"),
            (Self::English, Headline::Paid(amount, day)) => format!("{amount} paid on {day}"),
            (Self::English, Headline::Credited(amount)) => format!("{amount} credited"),
            (Self::English, Headline::Cancelled(number)) => format!("Cancels {number}"),
            (Self::Chinese, Headline::Due(amount, Some(day))) => {
                format!("应付 {amount}，到期日 {day}")
            }
            (Self::Chinese, Headline::Due(amount, None)) => format!("应付 {amount}"),
            (Self::Chinese, Headline::Paid(amount, day)) => format!("已于 {day} 支付 {amount}"),
            (Self::Chinese, Headline::Credited(amount)) => format!("贷记 {amount}"),
            (Self::Chinese, Headline::Cancelled(number)) => format!("作废 {number}"),
        }
    }

    pub(super) fn paid(self, day: &str, method: &str) -> String {
        match (self, method) {
            (Self::English, "") => format!("Paid on {day}."),
            (Self::English, method) => format!("Paid on {day} by {method}."),
            (Self::Chinese, "") => format!("已于 {day} 支付。"),
            (Self::Chinese, method) => format!("已于 {day} 通过 {method} 支付。"),
        }
    }

    pub(super) fn page(self, page: usize, pages: usize) -> String {
        match self {
            Self::English => format!("Page {page} of {pages}"),
            Self::Chinese => format!("第 {page} 页，共 {pages} 页"),
        }
    }
}

/// What a document comes to.
pub(super) enum Headline<'a> {
    /// An amount, and by when.
    Due(&'a str, Option<&'a str>),
    /// An amount, and when.
    Paid(&'a str, &'a str),
    Credited(&'a str),
    /// A document, by its number.
    Cancelled(&'a str),
}
