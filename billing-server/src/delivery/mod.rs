//! What leaves the service for those who are billed.

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "GetInvoicePdf, which renders, is yet to come")
)]
pub(crate) mod invoice_pdf;
