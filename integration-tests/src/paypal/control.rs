//! What tests do to the fake, and what they see of it.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::{
    CaptureOutcome, FakePaypal, Fault, refunds, signer,
    state::{CaptureState, Dispute, Order, PlannedFault},
};

impl FakePaypal {
    /// Where its API is.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The root under which its webhooks are signed, in DER.
    #[must_use]
    pub fn trust_root(&self) -> Vec<u8> {
        signer::paypal().root.clone()
    }

    /// The same as PEM, as a file of trusted roots has it.
    #[must_use]
    pub fn trusted_roots(&self) -> String {
        let root = STANDARD.encode(self.trust_root());
        format!("-----BEGIN CERTIFICATE-----\n{root}\n-----END CERTIFICATE-----\n")
    }

    /// What time it is there.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.lock().now
    }

    /// Moves its clock on.
    ///
    /// # Panics
    /// At the end of time.
    pub fn advance(&self, by: TimeDelta) {
        let mut state = self.lock();
        state.now = state.now.checked_add_signed(by).expect("a time");
    }

    /// New tokens last this long.
    pub fn let_tokens_last(&self, life: TimeDelta) {
        self.lock().token_life = life;
    }

    /// Ends all tokens before their time.
    pub fn revoke_tokens(&self) {
        self.lock().tokens.clear();
    }

    /// The next calls go wrong in this way: all of them, without those for tokens and
    /// certificates.
    pub fn fail_next(&self, count: usize, fault: Fault) {
        self.plan(count, fault, false);
    }

    /// The next calls that change something go wrong in this way.
    pub fn fail_next_writes(&self, count: usize, fault: Fault) {
        self.plan(count, fault, true);
    }

    fn plan(&self, count: usize, fault: Fault, only_writes: bool) {
        let plan = || PlannedFault { fault, only_writes };
        let plans = std::iter::repeat_with(plan).take(count);
        self.lock().faults.extend(plans);
    }

    /// The buyer approves an order.
    ///
    /// # Panics
    /// When there is no such order.
    pub fn approve(&self, order: &str) {
        let mut state = self.lock();
        let now = state.now;
        let order = state.order(order).expect("an order to approve");
        order.approved_at = Some(now);
        order.needs_payer = false;
    }

    /// Voids an order, which PayPal does by itself at times.
    ///
    /// # Panics
    /// When there is no such order.
    pub fn void(&self, order: &str) {
        self.lock().order(order).expect("an order to void").is_void = true;
    }

    /// The next capture comes to this.
    pub fn next_capture(&self, outcome: CaptureOutcome) {
        self.lock().captures_to_come.push_back(outcome);
    }

    /// A pending capture completes.
    ///
    /// # Panics
    /// When the order has no capture.
    pub fn complete_capture(&self, order: &str) {
        self.settle(order, CaptureState::Completed);
    }

    /// A pending capture is declined.
    ///
    /// # Panics
    /// When the order has no capture.
    pub fn decline_capture(&self, order: &str) {
        self.settle(order, CaptureState::Declined);
    }

    fn settle(&self, order: &str, end: CaptureState) {
        let capture = self.capture_of(order);
        let mut state = self.lock();
        let (_, capture) = state.capture(&capture).expect("a capture");
        capture.state = end;
    }

    /// The id of an order's capture.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn capture_of(&self, order: &str) -> String {
        let mut state = self.lock();
        let order = state.order(order).expect("an order");
        order.captures.first().expect("a capture").id.clone()
    }

    /// Whether new refunds stay pending.
    pub fn let_refunds_wait(&self, wait: bool) {
        self.lock().refunds_stay_pending = wait;
    }

    /// A pending refund arrives.
    ///
    /// # Panics
    /// When there is no such refund.
    pub fn complete_refund(&self, refund: &str) {
        let mut state = self.lock();
        state.refund(refund).expect("a refund").1.status = "COMPLETED";
    }

    /// A refund does not arrive.
    ///
    /// # Panics
    /// When there is no such refund.
    pub fn fail_refund(&self, refund: &str) {
        let mut state = self.lock();
        state.refund(refund).expect("a refund").1.status = "FAILED";
    }

    /// Somebody gives money back at PayPal's own site.
    ///
    /// # Panics
    /// When so much is not left.
    pub fn refund_at_dashboard(&self, order: &str, amount: Decimal) -> String {
        let capture = self.capture_of(order);
        let added = refunds::add(&mut self.lock(), &capture, Some(amount), None);
        added.expect("a refund")
    }

    /// The buyer disputes an order, at a stage such as `INQUIRY` or `CHARGEBACK`.
    ///
    /// # Panics
    /// When it has no capture.
    pub fn open_dispute(&self, order: &str, stage: &str) -> String {
        let capture = self.capture_of(order);
        let mut state = self.lock();
        let id = state.next_id("PP-D-");
        let dispute = Dispute {
            id: id.clone(),
            created_at: state.now,
            amount: state.capture(&capture).expect("a capture").1.amount,
            capture,
            stage: stage.to_owned(),
            outcome: None,
        };
        state.disputes.insert(id.clone(), dispute);
        id
    }

    /// A dispute goes on to a stage.
    ///
    /// # Panics
    /// When there is no such dispute.
    pub fn escalate_dispute(&self, dispute: &str, stage: &str) {
        let mut state = self.lock();
        let dispute = state.disputes.get_mut(dispute).expect("a dispute");
        dispute.stage = stage.to_owned();
    }

    /// A dispute ends in the seller's favour.
    ///
    /// # Panics
    /// When there is no such dispute.
    pub fn win_dispute(&self, dispute: &str) {
        self.end_dispute(dispute, "RESOLVED_SELLER_FAVOUR");
    }

    /// A dispute ends in the buyer's favour.
    ///
    /// # Panics
    /// When there is no such dispute.
    pub fn lose_dispute(&self, dispute: &str) {
        self.end_dispute(dispute, "RESOLVED_BUYER_FAVOUR");
    }

    fn end_dispute(&self, dispute: &str, outcome: &'static str) {
        let mut state = self.lock();
        let dispute = state.disputes.get_mut(dispute).expect("a dispute");
        dispute.outcome = Some(outcome);
    }

    /// Whether the app may see disputes.
    pub fn show_disputes(&self, may: bool) {
        self.lock().shows_disputes = may;
    }

    /// Whether the certificate can be had.
    pub fn serve_certificate(&self, can: bool) {
        self.lock().serves_certificate = can;
    }

    /// Whether a stranger's certificate is there and signs.
    pub fn be_stranger(&self, is: bool) {
        self.lock().is_stranger = is;
    }

    /// All money that was really captured, given back or not, in USD.
    #[must_use]
    pub fn captured_total(&self) -> Decimal {
        let state = self.lock();
        let captures = state.orders.values().flat_map(|order| &order.captures);
        let completed = captures.filter(|capture| capture.state == CaptureState::Completed);
        completed.map(|capture| capture.amount).sum()
    }

    /// All money that was given back or is going back, in USD.
    #[must_use]
    pub fn refunded_total(&self) -> Decimal {
        let state = self.lock();
        let captures = state.orders.values().flat_map(|order| &order.captures);
        captures.map(super::state::Capture::refunded).sum()
    }

    /// The orders with a custom id.
    #[must_use]
    pub fn orders_of(&self, custom_id: &str) -> Vec<String> {
        let state = self.lock();
        let is_of = |order: &&Order| order.custom_id() == Some(custom_id);
        let orders = state.orders.values().filter(is_of);
        orders.map(|order| order.id.clone()).collect()
    }

    /// All calls that came, each as method and path, in their order.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }
}
