//! A user's figures as they are sent.

use billing_core::{account::AccountState, subscription::Subscription};
use billing_proto::v1;
use billing_store::UserUsage;

use crate::api::values::amount;

/// What a plan's id has before the name that users know it by.
const PLAN_PREFIX: &str = "plan-";

/// A user's figures as they are sent.
#[must_use]
pub(crate) fn stats(usage: &UserUsage) -> v1::GetStatsResponse {
    let account = &usage.account.state;
    let subscription = account.subscription.as_ref();
    let window = subscription.map(|subscription| &subscription.window);
    v1::GetStatsResponse {
        current_month_cost: amount(usage.month.final_cost),
        current_month_tokens: usage.month.tokens,
        subscription_plan: subscription.map(plan_name).unwrap_or_default(),
        tokens_quota: window.map_or(0, |window| window.quota),
        tokens_used: window.map_or(0, |window| window.counters.tokens_used),
        tokens_remaining: account.tokens_remaining(),
        total_cost: amount(usage.total_cost),
    }
}

fn plan_name(subscription: &Subscription) -> String {
    let id = subscription.plan_id().as_str();
    id.strip_prefix(PLAN_PREFIX).unwrap_or(id).to_owned()
}

/// Whether a user is running out of tokens, as it is sent.
#[must_use]
pub(crate) fn quota_warning(account: &AccountState) -> v1::GetQuotaWarningResponse {
    let quota_warning = account.quota_warning();
    let message = match (quota_warning, account.tokens_remaining()) {
        (false, _) => "Your quota is sufficient.".to_owned(),
        (true, 0) => "Your quota is used up.".to_owned(),
        (true, left) => format!("Your quota is almost used up: {left} tokens are left."),
    };
    v1::GetQuotaWarningResponse {
        quota_warning,
        message,
    }
}
