//! Writing a mail. The same order makes the same bytes: nothing in them comes from a clock or from
//! chance, so that what was stored and what is sent again is one mail.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use lettre::{
    Message,
    message::{
        Attachment, Mailbox, MultiPart, SinglePart,
        header::{ContentType, ContentTypeErr, HeaderName, HeaderValue},
    },
};

use super::{
    address::{self, AddressError},
    letters::{Common, Language, Letter},
    templates::{Rendered, Templates},
};

/// A mail that is to be written.
#[derive(Debug)]
pub(crate) struct MailOrder<'a> {
    /// The event that it tells of; letters, digits, `-` and `_`.
    pub(crate) event_id: &'a str,
    /// Which of the mails about the event it is, in the same letters.
    pub(crate) outlet: &'a str,
    /// Its date (UTC).
    pub(crate) at: DateTime<Utc>,
    /// The one address it goes to.
    pub(crate) to: &'a str,
    /// The name on the buyer's invoices; may be empty.
    pub(crate) buyer_name: &'a str,
    /// In which language; one that the kind has not is English.
    pub(crate) language: Language,
    /// What it says.
    pub(crate) letter: Letter,
    /// The document that goes with it.
    pub(crate) pdf: Option<Pdf<'a>>,
}

/// A document to be attached.
#[derive(Debug)]
pub(crate) struct Pdf<'a> {
    /// What the file is called.
    pub(crate) file_name: &'a str,
    /// The file.
    pub(crate) bytes: &'a [u8],
}

/// A mail as it is stored and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ComposedMail {
    /// Whom the mail server tells when it comes back.
    pub(crate) from: String,
    /// The one address it goes to.
    pub(crate) to: String,
    /// Headers and body, in ASCII.
    pub(crate) bytes: Vec<u8>,
}

/// Why a mail can never be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ComposeError {
    /// There is nobody to send it to.
    #[error("the recipient {0}")]
    Address(#[from] AddressError),
    /// The ids would not make a message id.
    #[error("the event's id or the outlet has characters that a message id has not")]
    Id,
    /// A built-in template cannot be rendered.
    #[error("a built-in template: {0}")]
    Template(#[from] minijinja::Error),
    /// The attachment has no type.
    #[error("the attachment: {0}")]
    Attachment(#[from] ContentTypeErr),
    /// The library refuses the parts.
    #[error(transparent)]
    Message(#[from] lettre::error::Error),
}

/// Writes a mail.
pub(super) fn compose(
    templates: &Templates,
    from: &Mailbox,
    order: &MailOrder<'_>,
) -> Result<ComposedMail, ComposeError> {
    let to = address::recipient(order.to)?;
    let message_id = message_id(order, from.email.domain())?;
    let languages = order.letter.kind().languages();
    let common = Common {
        buyer_name: order.buyer_name,
        sender_name: from.name.as_deref().unwrap_or(from.email.domain()),
        language: if languages.contains(&order.language) {
            order.language
        } else {
            Language::En
        },
        has_pdf: order.pdf.is_some(),
    };
    let rendered = templates.render(&common, &order.letter)?;
    let buyer = Mailbox::new(address::named(order.buyer_name), to.clone());
    let builder = Message::builder()
        .from(from.clone())
        .to(buyer)
        .subject(address::clean(&rendered.subject))
        .date(order.at.into())
        .message_id(Some(format!("<{message_id}>")))
        // Holidays and mailing lists do not answer it (RFC 3834).
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    let message = match body(rendered, order.pdf.as_ref(), &message_id)? {
        Body::One(text) => builder.singlepart(text),
        Body::Many(parts) => builder.multipart(parts),
    }?;
    Ok(ComposedMail {
        from: from.email.to_string(),
        to: to.to_string(),
        bytes: message.formatted(),
    })
}

fn message_id(order: &MailOrder<'_>, domain: &str) -> Result<String, ComposeError> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let ids = [order.event_id, order.outlet];
    if ids
        .iter()
        .any(|id| id.is_empty() || !id.chars().all(is_fine))
    {
        return Err(ComposeError::Id);
    }
    Ok(format!("{}.{}@{domain}", order.event_id, order.outlet))
}

/// One part, or parts in parts.
enum Body {
    One(SinglePart),
    Many(MultiPart),
}

fn body(
    rendered: Rendered,
    pdf: Option<&Pdf<'_>>,
    message_id: &str,
) -> Result<Body, ContentTypeErr> {
    let text = SinglePart::plain(rendered.text);
    let written = match rendered.html {
        None => Body::One(text),
        Some(html) => Body::Many(
            MultiPart::alternative()
                .boundary(boundary(message_id, "alternative"))
                .singlepart(text)
                .singlepart(SinglePart::html(html)),
        ),
    };
    let Some(pdf) = pdf else {
        return Ok(written);
    };
    let mixed = MultiPart::mixed().boundary(boundary(message_id, "mixed"));
    let mixed = match written {
        Body::One(text) => mixed.singlepart(text),
        Body::Many(parts) => mixed.multipart(parts),
    };
    let attachment = Attachment::new(file_name(pdf.file_name));
    let attachment = attachment.body(pdf.bytes.to_vec(), ContentType::parse("application/pdf")?);
    Ok(Body::Many(mixed.singlepart(attachment)))
}

/// What stands between parts: a function of the mail that its texts do not hold.
fn boundary(message_id: &str, parts: &str) -> String {
    let hash = digest(&SHA256, format!("{parts} {message_id}").as_bytes());
    let hash = hash.as_ref().iter().take(20);
    hash.map(|byte| format!("{byte:02x}")).collect()
}

fn file_name(name: &str) -> String {
    let is_fine = |c: char| c.is_alphanumeric() || "-_. ".contains(c);
    let shown = |c: char| if is_fine(c) { c } else { '-' };
    address::clean(name).chars().map(shown).collect()
}
