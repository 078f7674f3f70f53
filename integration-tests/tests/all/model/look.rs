//! Reads what the server keeps and compares it with what the reference has.

use std::collections::BTreeMap;

use billing_proto::v1::{
    GetAccountRequest, GetQuotaWarningRequest, GetStatsRequest, ListRedemptionsRequest,
    ListSubscriptionsRequest, ListUsageRecordsRequest, Subscription, UsageRecord,
};

use super::{
    calendar::month_name,
    compare::{self, Figures, accepted},
    driver::Driver,
    money::decimal,
};

/// More than a sequence has of anything.
const PAGE: i32 = 1_000;

impl Driver {
    pub(super) fn compare_record(&self, index: usize, got: &UsageRecord) -> Result<(), String> {
        let expected = &self.reference.records[index];
        compare::record(&self.reference, &self.names, expected, got)
    }

    /// Compares the subscription that was made last.
    pub(super) fn compare_subscription(&self, got: &Subscription) -> Result<(), String> {
        let expected = self.reference.subscriptions.last();
        compare::subscription(&self.names, expected.ok_or("there is none")?, got)
    }

    /// Compares statistics, warning and live subscription.
    pub(super) async fn compare_figures(&mut self) -> Result<(), String> {
        let user_id = self.names.user.clone();
        let stats = self.wire.stats.get_stats(GetStatsRequest { user_id }).await;
        let got = accepted(stats)?;
        let expected = self.reference.stats();
        let window = self.reference.live().map(|live| live.window());
        let plan = window.map(|window| self.names.plan(window.terms.plan));
        let plan = plan.unwrap_or_default();
        let quota = window.map_or([0; 3], |window| {
            [window.quota, window.used, window.remaining()]
        });
        let mut figures = Figures::default();
        figures.amount(
            "month's cost",
            expected.month_cost,
            got.current_month_cost.as_ref(),
        );
        figures.add(
            "month's tokens",
            expected.month_tokens,
            got.current_month_tokens,
        );
        figures.amount("total cost", expected.total_cost, got.total_cost.as_ref());
        figures.add(
            "plan",
            plan.trim_start_matches("plan-"),
            &got.subscription_plan,
        );
        figures.add("quota", quota[0], got.tokens_quota);
        figures.add("used", quota[1], got.tokens_used);
        figures.add("remaining", quota[2], got.tokens_remaining);

        let user_id = self.names.user.clone();
        let request = GetQuotaWarningRequest { user_id };
        let warning = accepted(self.wire.stats.get_quota_warning(request).await)?;
        figures.add(
            "warning",
            self.reference.quota_warning(),
            warning.quota_warning,
        );
        figures.check("what GetStats and GetQuotaWarning answer")?;
        self.compare_account().await?;
        self.live().await
    }

    async fn compare_account(&mut self) -> Result<(), String> {
        let user_id = self.names.user.clone();
        let request = GetAccountRequest { user_id };
        let got = accepted(self.wire.accounts.get_account(request).await)?;
        let rate = *self.reference.rates.at(self.reference.now);
        let got_rate = got.discount_rate.unwrap_or_default().value;
        let owed = self.reference.uninvoiced();
        let mut figures = self.compare_credit(got.credit_balance.as_ref());
        figures.add("discount_rate", decimal(rate, 4), got_rate);
        figures.amount("uninvoiced_amount", owed, got.uninvoiced_amount.as_ref());
        figures.add("trial_used", self.reference.trial_used, got.trial_used);
        figures.check("the account")
    }

    pub(super) async fn compare_everything(&mut self) -> Result<(), String> {
        self.compare_figures().await?;
        self.compare_subscriptions().await?;
        self.compare_invoices().await?;
        self.compare_records().await?;
        self.compare_redemptions().await
    }

    async fn compare_subscriptions(&mut self) -> Result<(), String> {
        let request = ListSubscriptionsRequest {
            user_id: self.names.user.clone(),
            page_size: PAGE,
            page_token: String::new(),
        };
        let listed = accepted(self.wire.subscriptions.list_subscriptions(request).await)?;
        let expected = self.reference.subscriptions.iter().rev();
        let mut figures = Figures::default();
        figures.add("count", expected.len(), listed.subscriptions.len());
        figures.check("the list of subscriptions")?;
        for (expected, got) in expected.zip(&listed.subscriptions) {
            compare::subscription(&self.names, expected, got)?;
        }
        Ok(())
    }

    async fn compare_records(&mut self) -> Result<(), String> {
        let request = ListUsageRecordsRequest {
            user_id: self.names.user.clone(),
            page_size: PAGE,
            ..ListUsageRecordsRequest::default()
        };
        let listed = accepted(self.wire.usage.list_usage_records(request).await)?;
        let got: BTreeMap<_, _> = listed.records.iter().map(|r| (&r.id, r)).collect();
        let mut figures = Figures::default();
        figures.add("count", self.reference.records.len(), got.len());
        figures.check("the list of records")?;
        for (index, record) in self.reference.records.iter().enumerate() {
            let got = got.get(&record.id).ok_or("a record is not listed")?;
            let compared = self.compare_record(index, got);
            compared.map_err(|error| format!("listed as number {index}: {error}"))?;
        }
        Ok(())
    }

    async fn compare_redemptions(&mut self) -> Result<(), String> {
        let request = ListRedemptionsRequest {
            user_id: self.names.user.clone(),
            page_size: PAGE,
            page_token: String::new(),
        };
        let listed = accepted(self.wire.coupons.list_redemptions(request).await)?;
        let expected = self.reference.redemptions.iter().rev();
        let mut figures = Figures::default();
        figures.add("count", expected.len(), listed.redemptions.len());
        for (expected, got) in expected.zip(&listed.redemptions) {
            let coupon = &self.reference.coupons[expected.coupon];
            figures.add("coupon_id", &coupon.id, &got.coupon_id);
            figures.add("month", month_name(expected.month), &got.billing_month);
            figures.amount(
                "at once",
                expected.taken_at_apply,
                got.taken_at_apply.as_ref(),
            );
            figures.amount("saved", expected.saved(), got.discount_amount.as_ref());
        }
        figures.check("the list of redemptions")
    }
}
