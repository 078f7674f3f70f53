//! Saved methods: customers, SetupIntents and PaymentMethods.

use async_trait::async_trait;
use billing_core::ids::UserId;
use serde::de::IgnoredAny;

use super::{
    Stripe,
    objects::{Named, PaymentMethod, SetupIntent},
};
use crate::payments::provider::{ClientSecret, ProviderError, SavedMethod, SavedMethods, Setup};

#[async_trait]
impl SavedMethods for Stripe {
    async fn create_customer(&self, key: &str, user: &UserId) -> Result<String, ProviderError> {
        let params = [("metadata[user_id]", user.as_str())];
        let customer: Named = self.http.post(key, &["customers"], &params).await?;
        Ok(customer.id)
    }

    /// The page to return to is the front end's business: it is told to Stripe's own script, which
    /// goes on with the client secret.
    async fn create_setup(
        &self,
        key: &str,
        customer: &str,
        _return_url: &str,
    ) -> Result<Setup, ProviderError> {
        let params = [
            ("customer", customer),
            ("usage", "off_session"),
            // Only what can be charged later without a page of another.
            ("automatic_payment_methods[enabled]", "true"),
            ("automatic_payment_methods[allow_redirects]", "never"),
        ];
        let setup: SetupIntent = self.http.post(key, &["setup_intents"], &params).await?;
        Ok(Setup {
            reference: setup.id,
            client_secret: setup.client_secret.map(ClientSecret),
            approval_url: None,
        })
    }

    async fn method(
        &self,
        customer: &str,
        method: &str,
    ) -> Result<Option<SavedMethod>, ProviderError> {
        let method = self.found(method).await?;
        Ok(method
            .filter(|method| owner(method) == Some(customer))
            .map(saved))
    }

    async fn detach_method(&self, key: &str, method: &str) -> Result<(), ProviderError> {
        let path = ["payment_methods", method, "detach"];
        let answer: Result<IgnoredAny, ProviderError> =
            self.http.post(key, &path, &[]).await.map_err(Into::into);
        match answer {
            Ok(_) | Err(ProviderError::NotFound(_)) => Ok(()),
            // One that belongs to nobody is refused as well, without a code of its own.
            Err(error @ ProviderError::Refused { .. }) => {
                let method = self.found(method).await?;
                let is_gone = method.as_ref().and_then(owner).is_none();
                if is_gone { Ok(()) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }
}

impl Stripe {
    async fn found(&self, method: &str) -> Result<Option<PaymentMethod>, ProviderError> {
        let path = ["payment_methods", method];
        match self.http.get(&path, &[]).await.map_err(Into::into) {
            Ok(method) => Ok(Some(method)),
            Err(ProviderError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn owner(method: &PaymentMethod) -> Option<&str> {
    method.customer.as_ref().map(|customer| customer.id())
}

/// A method in words that all providers share.
fn saved(method: PaymentMethod) -> SavedMethod {
    if let Some(card) = method.card {
        return SavedMethod {
            brand: card.brand,
            last4: card.last4,
            expiry: Some((card.exp_month, card.exp_year)),
        };
    }
    let account = method.us_bank_account.or(method.sepa_debit);
    SavedMethod {
        brand: method.kind,
        last4: account
            .and_then(|account| account.last4)
            .unwrap_or_default(),
        expiry: None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    #[rstest]
    #[case(json!({"type": "card", "card": {"brand": "visa", "last4": "4242", "exp_month": 8,
        "exp_year": 2030, "country": "US"}}), "visa", "4242", Some((8, 2030)))]
    #[case(json!({"type": "us_bank_account", "us_bank_account": {"last4": "6789"}}),
        "us_bank_account", "6789", None)]
    #[case(json!({"type": "sepa_debit", "sepa_debit": {"last4": null}}), "sepa_debit", "", None)]
    #[case(json!({"type": "a_kind_of_tomorrow"}), "a_kind_of_tomorrow", "", None)]
    fn a_method_is_described(
        #[case] method: Value,
        #[case] brand: &str,
        #[case] last4: &str,
        #[case] expiry: Option<(u8, u16)>,
    ) {
        let method = saved(serde_json::from_value(method).unwrap());
        assert_eq!(
            (method.brand.as_str(), method.last4.as_str()),
            (brand, last4)
        );
        assert_eq!(method.expiry, expiry);
    }
}
