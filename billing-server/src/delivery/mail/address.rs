//! Addresses and names as they may stand in headers and in the dialogue with the mail server.

use lettre::{Address, message::Mailbox};

/// The longest name or subject, in characters.
const MAX_TEXT: usize = 150;
/// The longest address, in bytes (RFC 5321).
const MAX_ADDRESS: usize = 254;
/// Marks that change the direction of what follows or break lines, and no reader sees.
const HIDDEN: [char; 14] = [
    '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}',
    '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}', '\u{feff}',
];

/// Why nothing can be mailed to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    /// It is not of the form name@domain, or of more than one.
    #[error("is no mail address, such as billing@example.com")]
    Malformed,
    /// Most mail servers take none.
    #[error("has characters other than ASCII before the @, which mail servers do not take")]
    LocalPart,
    /// It has no spelling in the domain name system.
    #[error("has no valid domain after the @")]
    Domain,
}

/// The one address in a text. A domain in other scripts is spelt in ASCII (IDNA), so that every
/// mail server takes it.
pub(super) fn recipient(text: &str) -> Result<Address, AddressError> {
    let (local, domain) = text.rsplit_once('@').ok_or(AddressError::Malformed)?;
    // Of the quoted forms that RFC 5321 allows nobody has an invoice sent to.
    let quoted = |c: char| c.is_whitespace() || c.is_control() || "\"<>()[]:;,\\@".contains(c);
    if local.is_empty() || local.contains(quoted) {
        return Err(AddressError::Malformed);
    }
    if !local.is_ascii() {
        return Err(AddressError::LocalPart);
    }
    let domain = idna::domain_to_ascii_strict(domain).map_err(|_| AddressError::Domain)?;
    if domain.starts_with('.') || domain.ends_with('.') {
        return Err(AddressError::Domain);
    }
    let address = Address::new(local, domain).map_err(|_| AddressError::Malformed)?;
    if address.to_string().len() > MAX_ADDRESS {
        return Err(AddressError::Malformed);
    }
    Ok(address)
}

/// Who mails are from: an address, or a name and an address in angle brackets.
///
/// # Errors
/// What is wrong, in a lowercase sentence.
pub(super) fn sender(text: &str) -> Result<Mailbox, String> {
    let (name, address) = match text.trim().strip_suffix('>') {
        Some(rest) => rest.split_once('<').ok_or("has a > and no <")?,
        None => ("", text.trim()),
    };
    let name = name.trim();
    let name = name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
        .unwrap_or(name);
    if clean(name) != name {
        return Err(format!(
            "has a name with control characters or of more than {MAX_TEXT} characters"
        ));
    }
    let address = recipient(address).map_err(|error| error.to_string())?;
    Ok(Mailbox::new(named(name), address))
}

/// A name for a header; none when it is empty.
pub(super) fn named(name: &str) -> Option<String> {
    let name = clean(name);
    (!name.is_empty()).then_some(name)
}

/// Text for a header: one line without control characters and marks that nobody sees, not too long.
pub(super) fn clean(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text
        .chars()
        .filter(|c| !HIDDEN.contains(c))
        .map(shown)
        .collect();
    let words: Vec<_> = text.split_whitespace().collect();
    words
        .join(" ")
        .chars()
        .take(MAX_TEXT)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("billing@example.com", "billing@example.com")]
    #[case("a.b+c@mail.example.com", "a.b+c@mail.example.com")]
    #[case("o'brien@EXAMPLE.com", "o'brien@example.com")]
    #[case("root@localhost", "root@localhost")]
    #[case("buchhaltung@bücher.example", "buchhaltung@xn--bcher-kva.example")]
    #[case("billing@例子.测试", "billing@xn--fsqu00a.xn--0zwm56d")]
    fn an_address_is_spelt_as_mail_servers_take_it(#[case] text: &str, #[case] spelt: &str) {
        assert_eq!(recipient(text).unwrap().to_string(), spelt);
    }

    #[rstest]
    #[case("", AddressError::Malformed)]
    #[case("nobody", AddressError::Malformed)]
    #[case("@example.com", AddressError::Malformed)]
    #[case("a@b@example.com", AddressError::Malformed)]
    #[case("a b@example.com", AddressError::Malformed)]
    #[case("a@example.com,b@example.com", AddressError::Malformed)]
    #[case("a@example.com\r\nRCPT TO:<b@example.com>", AddressError::Malformed)]
    #[case("a\r\nBcc: b@example.com", AddressError::Malformed)]
    #[case("a@example.com>\r\nDATA", AddressError::Domain)]
    #[case("a@example.com\r\nBcc: b", AddressError::Domain)]
    #[case("\"a\r\nb\"@example.com", AddressError::Malformed)]
    #[case("<a@example.com>", AddressError::Malformed)]
    #[case("a..b@example.com", AddressError::Malformed)]
    #[case("用户@example.com", AddressError::LocalPart)]
    #[case("a@", AddressError::Domain)]
    #[case("a@exa mple.com", AddressError::Domain)]
    #[case("a@-example.com", AddressError::Domain)]
    #[case("a@example.com.", AddressError::Domain)]
    fn what_is_no_address_is_refused(#[case] text: &str, #[case] error: AddressError) {
        assert_eq!(recipient(text), Err(error), "{text:?}");
    }

    #[rstest]
    #[case("billing@example.com", None)]
    #[case("Oblivious AI <billing@example.com>", Some("Oblivious AI"))]
    #[case(
        "\"Billing, Oblivious AI\" <billing@example.com>",
        Some("Billing, Oblivious AI")
    )]
    #[case("账单 <billing@example.com>", Some("账单"))]
    fn a_sender_has_an_address_and_may_have_a_name(#[case] text: &str, #[case] name: Option<&str>) {
        let sender = sender(text).unwrap();
        assert_eq!(sender.name.as_deref(), name);
        assert_eq!(sender.email.to_string(), "billing@example.com");
    }

    #[rstest]
    #[case("Oblivious AI")]
    #[case("billing@example.com>")]
    #[case("Oblivious\nAI <billing@example.com>")]
    #[case("Oblivious AI <billing>")]
    fn a_sender_without_an_address_is_refused(#[case] text: &str) {
        assert!(sender(text).is_err());
    }

    #[rstest]
    #[case("Alice\r\nBcc: eve@example.com", "Alice Bcc: eve@example.com")]
    #[case("  Alice \t Ltd\0", "Alice Ltd")]
    #[case("invoice\u{202e}fdp.exe", "invoicefdp.exe")]
    #[case("\u{85}\u{2028}", "")]
    fn a_name_is_one_line(#[case] text: &str, #[case] line: &str) {
        assert_eq!(clean(text), line);
    }

    #[test]
    fn a_name_has_at_most_150_characters() {
        assert_eq!(clean(&"名".repeat(200)).chars().count(), 150);
    }
}
