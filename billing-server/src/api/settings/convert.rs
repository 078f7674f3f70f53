//! Users' billing settings.

use billing_core::{
    ids::UserId,
    settings::{CURRENCY, INVOICE_FREQUENCY, Settings, SettingsChange},
};
use billing_proto::v1;

use crate::{
    api::{
        Violations,
        time::timestamp,
        values::{amount, money},
    },
    auth::ResolvedUser,
    error::{ApiError, ErrorCode},
};

/// What a mask may name; those of [`READ_ONLY`] are ignored, as they are in the message.
const SETTABLE: [&str; 11] = [
    "billing_email",
    "billing_address",
    "tax_id",
    CURRENCY_FIELD,
    "auto_topup",
    "auto_topup_threshold",
    "auto_topup_amount",
    "invoice_frequency",
    "send_invoice_email",
    "alert_threshold",
    "enable_alerts",
];
const READ_ONLY: [&str; 5] = ["id", "user_id", "created_at", "updated_at", "effective"];
const CURRENCY_FIELD: &str = "currency";

/// Settings as they are sent; `no_topup` is why no tokens are bought by themselves, `no_mail` why
/// no invoices are mailed.
#[must_use]
pub(crate) fn settings(
    settings: Settings,
    no_topup: Option<String>,
    no_mail: Option<String>,
) -> v1::Settings {
    let written = settings.written;
    v1::Settings {
        id: settings.id(),
        user_id: settings.user_id.into_string(),
        billing_email: Some(settings.billing_email),
        billing_address: Some(settings.billing_address),
        tax_id: Some(settings.tax_id),
        currency: Some(CURRENCY.to_owned()),
        auto_topup: Some(settings.auto_topup),
        auto_topup_threshold: Some(settings.auto_topup_threshold),
        auto_topup_amount: amount(settings.auto_topup_amount),
        invoice_frequency: Some(INVOICE_FREQUENCY.to_owned()),
        send_invoice_email: Some(settings.send_invoice_email),
        alert_threshold: Some(settings.alert_threshold),
        enable_alerts: Some(settings.enable_alerts),
        created_at: written.and_then(|written| timestamp(written.created_at)),
        updated_at: written.and_then(|written| timestamp(written.updated_at)),
        effective: Some(effective(no_topup, no_mail)),
    }
}

/// What comes of what is set.
fn effective(no_topup: Option<String>, no_mail: Option<String>) -> v1::EffectiveSettings {
    v1::EffectiveSettings {
        auto_topup: no_topup.is_none(),
        auto_topup_reason: no_topup.unwrap_or_default(),
        send_invoice_email: no_mail.is_none(),
        send_invoice_email_reason: no_mail.unwrap_or_default(),
    }
}

/// Settings that `user` is to get.
///
/// # Errors
/// `SETTING_CURRENCY` or `INVALID_FIELD`, with every field at fault.
pub(crate) fn settings_change(
    user: &ResolvedUser,
    request: v1::UpdateSettingsRequest,
) -> Result<(UserId, SettingsChange), ApiError> {
    let mut violations = Violations::default();
    let user = violations.check("user_id", user.id());
    let mask = Mask(request.update_mask.unwrap_or_default().paths);
    mask.check(&mut violations);
    let sent = request.settings.unwrap_or_default();
    let currency_is_wrong = mask.takes(CURRENCY_FIELD)
        && sent
            .currency
            .as_deref()
            .is_some_and(|sent| sent != CURRENCY);
    if currency_is_wrong {
        violations.check::<(), _>(CURRENCY_FIELD, Err(format!("must be {CURRENCY}")));
    }
    let frequency = sent.invoice_frequency.as_deref();
    let wrong = frequency.is_some_and(|sent| sent != INVOICE_FREQUENCY);
    if wrong && mask.takes("invoice_frequency") {
        let problem = format!("must be {INVOICE_FREQUENCY}");
        violations.check::<(), _>("invoice_frequency", Err(problem));
    }
    let change = mask.change(sent, &mut violations);
    violations.extend(change.violations());
    match user {
        Some(user) if violations.is_empty() => Ok((user, change)),
        _ if currency_is_wrong => Err(ApiError {
            code: ErrorCode::SettingCurrency,
            ..violations.into_error()
        }),
        _ => Err(violations.into_error()),
    }
}

/// The fields to change; none means those that are set.
struct Mask(Vec<String>);

impl Mask {
    fn check(&self, violations: &mut Violations) {
        for path in &self.0 {
            if !SETTABLE.contains(&path.as_str()) && !READ_ONLY.contains(&path.as_str()) {
                violations.check::<(), _>("update_mask", Err(format!("names no field: {path:?}")));
            }
        }
    }

    fn names(&self, field: &str) -> bool {
        self.0.iter().any(|path| path == field)
    }

    fn takes(&self, field: &str) -> bool {
        self.0.is_empty() || self.names(field)
    }

    /// What a field becomes: what was sent, or its default when it is only named.
    fn pick<T>(&self, field: &str, sent: Option<T>, default: T) -> Option<T> {
        let sent = sent.filter(|_| self.takes(field));
        sent.or_else(|| self.names(field).then_some(default))
    }

    fn change(&self, sent: v1::Settings, violations: &mut Violations) -> SettingsChange {
        let default = Settings::new(UserId::trusted(String::new()));
        let sent_amount = Some(&sent.auto_topup_amount).filter(|_| self.takes("auto_topup_amount"));
        let sent_amount = sent_amount.map_or(Ok(None), money);
        let sent_amount = violations.check("auto_topup_amount", sent_amount).flatten();
        let agrees_to_topups = self.pick("auto_topup", sent.auto_topup, false) == Some(true);
        SettingsChange {
            billing_email: self.pick("billing_email", sent.billing_email, default.billing_email),
            billing_address: self.pick(
                "billing_address",
                sent.billing_address,
                default.billing_address,
            ),
            tax_id: self.pick("tax_id", sent.tax_id, default.tax_id),
            auto_topup: self.pick("auto_topup", sent.auto_topup, default.auto_topup),
            agrees_to_topups,
            auto_topup_threshold: self.pick(
                "auto_topup_threshold",
                sent.auto_topup_threshold,
                default.auto_topup_threshold,
            ),
            auto_topup_amount: self.pick(
                "auto_topup_amount",
                sent_amount,
                default.auto_topup_amount,
            ),
            send_invoice_email: self.pick(
                "send_invoice_email",
                sent.send_invoice_email,
                default.send_invoice_email,
            ),
            alert_threshold: self.pick(
                "alert_threshold",
                sent.alert_threshold,
                default.alert_threshold,
            ),
            enable_alerts: self.pick("enable_alerts", sent.enable_alerts, default.enable_alerts),
        }
    }
}

#[cfg(test)]
mod tests {
    use prost_types::FieldMask;
    use rstest::rstest;

    use super::*;

    fn request(settings: v1::Settings, mask: &[&str]) -> v1::UpdateSettingsRequest {
        let paths = mask.iter().map(|&path| path.to_owned()).collect();
        v1::UpdateSettingsRequest {
            settings: Some(settings),
            update_mask: Some(FieldMask { paths }),
            user_id: String::new(),
        }
    }

    fn change(settings: v1::Settings, mask: &[&str]) -> SettingsChange {
        let change = settings_change(&"alice".into(), request(settings, mask));
        change.unwrap().1
    }

    fn refused(settings: v1::Settings, mask: &[&str]) -> (ErrorCode, Vec<String>) {
        let error = settings_change(&"alice".into(), request(settings, mask)).unwrap_err();
        let fields = error
            .violations
            .into_iter()
            .map(|violation| violation.field);
        (error.code, fields.collect())
    }

    fn sent() -> v1::Settings {
        v1::Settings {
            id: "ignored".into(),
            user_id: "bob".into(),
            tax_id: Some("DE1".into()),
            alert_threshold: Some(7),
            ..v1::Settings::default()
        }
    }

    #[test]
    fn without_a_mask_what_is_set_changes() {
        let expected = SettingsChange {
            tax_id: Some("DE1".into()),
            alert_threshold: Some(7),
            ..SettingsChange::default()
        };
        assert_eq!(change(sent(), &[]), expected);
    }

    #[test]
    fn with_a_mask_only_what_it_names_changes_and_what_is_unset_goes_back() {
        let expected = SettingsChange {
            tax_id: Some("DE1".into()),
            enable_alerts: Some(true),
            auto_topup_amount: Some("100".parse().unwrap()),
            ..SettingsChange::default()
        };
        let mask = ["tax_id", "enable_alerts", "auto_topup_amount", "created_at"];
        assert_eq!(change(sent(), &mask), expected);
    }

    #[rstest]
    #[case::agreed(Some(true), &[], Some(true), true)]
    #[case::refused(Some(false), &[], Some(false), false)]
    #[case::left_alone(None, &[], None, false)]
    #[case::agreed_by_name(Some(true), &["auto_topup"], Some(true), true)]
    #[case::back_to_the_default(None, &["auto_topup"], Some(true), false)]
    #[case::not_named(Some(true), &["tax_id"], None, false)]
    fn only_an_explicit_yes_is_consent(
        #[case] auto_topup: Option<bool>,
        #[case] mask: &[&str],
        #[case] set: Option<bool>,
        #[case] agrees: bool,
    ) {
        let settings = v1::Settings {
            auto_topup,
            ..v1::Settings::default()
        };
        let change = change(settings, mask);
        assert_eq!((change.auto_topup, change.agrees_to_topups), (set, agrees));
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let wrong = v1::Settings {
            billing_email: Some("nobody".into()),
            currency: Some("EUR".into()),
            invoice_frequency: Some("weekly".into()),
            auto_topup_amount: Some(v1::Amount { value: "x".into() }),
            ..v1::Settings::default()
        };
        let (code, fields) = refused(wrong.clone(), &["nonsense", "currency", "billing_email"]);
        assert_eq!(code, ErrorCode::SettingCurrency);
        assert_eq!(fields, ["update_mask", "currency", "billing_email"]);
        let right = v1::Settings {
            currency: Some("USD".into()),
            ..wrong
        };
        let (code, fields) = refused(right, &[]);
        assert_eq!(code, ErrorCode::InvalidField);
        assert_eq!(
            fields,
            ["invoice_frequency", "auto_topup_amount", "billing_email"]
        );
    }
}
