//! Users' billing settings.

use billing_core::{
    ids::UserId,
    settings::{CURRENCY, INVOICE_FREQUENCY, Settings, SettingsChange},
};
use billing_proto::v1;

use crate::{
    api::{
        Violations,
        mask::Mask,
        time::timestamp,
        values::{amount, money},
    },
    auth::ResolvedUser,
    error::{ApiError, ErrorCode},
};

/// What a mask may name; those of [`READ_ONLY`] are ignored, as they are in the message.
const SETTABLE: [&str; 14] = [
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
    "billing_name",
    "billing_country",
    "language",
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
        billing_name: Some(settings.billing_name),
        billing_country: Some(settings.billing_country),
        language: Some(settings.language.code().to_owned()),
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
    let is_known = |path: &str| SETTABLE.contains(&path) || READ_ONLY.contains(&path);
    let mask = Mask::read(request.update_mask, is_known, &mut violations);
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
    let change = change(&mask, sent, &mut violations);
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

fn change(mask: &Mask, sent: v1::Settings, violations: &mut Violations) -> SettingsChange {
    let default = Settings::new(UserId::trusted(String::new()));
    let sent_amount = Some(&sent.auto_topup_amount).filter(|_| mask.takes("auto_topup_amount"));
    let sent_amount = sent_amount.map_or(Ok(None), money);
    let sent_amount = violations.check("auto_topup_amount", sent_amount).flatten();
    let agrees_to_topups = mask.pick("auto_topup", sent.auto_topup, false) == Some(true);
    SettingsChange {
        billing_email: mask.pick("billing_email", sent.billing_email, default.billing_email),
        billing_address: mask.pick(
            "billing_address",
            sent.billing_address,
            default.billing_address,
        ),
        tax_id: mask.pick("tax_id", sent.tax_id, default.tax_id),
        auto_topup: mask.pick("auto_topup", sent.auto_topup, default.auto_topup),
        agrees_to_topups,
        auto_topup_threshold: mask.pick(
            "auto_topup_threshold",
            sent.auto_topup_threshold,
            default.auto_topup_threshold,
        ),
        auto_topup_amount: mask.pick("auto_topup_amount", sent_amount, default.auto_topup_amount),
        send_invoice_email: mask.pick(
            "send_invoice_email",
            sent.send_invoice_email,
            default.send_invoice_email,
        ),
        alert_threshold: mask.pick(
            "alert_threshold",
            sent.alert_threshold,
            default.alert_threshold,
        ),
        enable_alerts: mask.pick("enable_alerts", sent.enable_alerts, default.enable_alerts),
        billing_name: mask.pick("billing_name", sent.billing_name, default.billing_name),
        billing_country: mask.pick(
            "billing_country",
            sent.billing_country,
            default.billing_country,
        ),
        language: mask.pick(
            "language",
            sent.language,
            default.language.code().to_owned(),
        ),
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
