//! Tokens that are bought by themselves when few are left.

use integration_tests::{
    Backend, on_both_databases,
    stripe::{Behaviour, Endpoint, Fault},
};
use serde_json::{Value, json};

use super::world::World;
use crate::support::{call, record};

on_both_databases!(
    tokens_are_bought_when_few_are_left_and_once,
    a_declining_card_is_not_charged_again_and_again,
    a_final_decline_stops_it_until_the_user_changes_the_method,
    a_day_has_so_many_top_ups_and_no_more,
    without_consent_method_or_plan_nothing_is_bought,
    consent_ends_with_the_setting_and_is_never_an_operators,
    what_was_agreed_to_with_the_setup_goes_to_the_method,
    a_kill_at_any_moment_buys_once,
    what_is_no_longer_wanted_is_not_charged,
    a_card_that_needs_the_user_waits_for_them_and_is_then_given_up,
);

const PATH: &str = "/v1/billing/settings";

impl World {
    /// A subscriber of Pro who agreed to be charged 100.00 at 10,000 tokens.
    async fn topping_up(backend: Backend, behaviour: Behaviour) -> Self {
        let mut world = Self::start(backend).await;
        world.subscribe("plan-pro").await;
        world.agree(behaviour).await;
        world
    }

    async fn agree(&mut self, behaviour: Behaviour) {
        let settings = json!({"auto_topup_threshold": 10_000, "auto_topup_amount": 100});
        self.set(&settings).await;
        let reference = self.saved_at_stripe(behaviour).await;
        let wanted =
            json!({"provider_method_id": reference, "topup_consent": true, "make_default": true});
        let method = self.attach(&wanted).await;
        assert_eq!(method["topup_consented_at"], "2024-11-15T10:30:00Z");
        self.method = reference;
    }

    async fn set(&self, settings: &Value) -> Value {
        let set = self.alice.put(PATH, &settings.to_string()).await;
        assert_eq!(set.status, 200, "{}", set.body);
        set.json()
    }

    async fn switched_on_by_an_operator(&self) {
        let path = format!("{PATH}?user_id=alice");
        let set = self.operator.put(&path, r#"{"auto_topup":true}"#).await;
        assert_eq!(set.status, 200, "{}", set.body);
        assert_eq!(set.json()["user_id"], "alice");
    }

    async fn effective(&self) -> (bool, String) {
        let settings = self.alice.get(PATH).await.json();
        let reason = settings["effective"]["auto_topup_reason"].as_str();
        let is_effective = settings["effective"]["auto_topup"].as_bool();
        (is_effective.unwrap(), reason.unwrap().to_owned())
    }

    async fn uses(&self, request: &str, tokens: i64) {
        record(&self.operator, &call(request, "gpt-4", tokens, 0)).await;
    }

    /// Alice's latest top-up once it has a status.
    async fn latest(&self, status: &str) -> Value {
        let topups = self.transactions("?kind=topup").await;
        let latest = topups.first().expect("a top-up was begun");
        self.until(latest, status).await
    }

    async fn count(&self) -> usize {
        self.transactions("?kind=topup").await.len()
    }
}

async fn tokens_are_bought_when_few_are_left_and_once(backend: Backend) {
    let world = World::topping_up(backend, Behaviour::Pays).await;
    assert_eq!(world.effective().await, (true, String::new()));
    world.uses("r-1", 989_999).await;
    assert_eq!(world.count().await, 0);
    world.uses("r-2", 1).await;
    let bought = world.latest("succeeded").await;
    assert_eq!(bought["automatic"], true);
    assert_eq!(bought["tokens"], 740_740);
    assert_eq!(world.tokens_left().await, 750_740);
    // The same record again decides nothing.
    record(&world.operator, &call("r-2", "gpt-4", 1, 0)).await;
    assert_eq!(world.count().await, 1);
    world.uses("r-3", 745_000).await;
    let second = world.latest("succeeded").await;
    assert_ne!(second["id"], bought["id"]);
    assert_eq!(world.tokens_left().await, 746_480);
    assert_eq!(world.stripe.charged(), 20_000);
}

async fn a_declining_card_is_not_charged_again_and_again(backend: Backend) {
    let declines = Behaviour::declines("insufficient_funds");
    let world = World::topping_up(backend, declines).await;
    world.uses("r-0", 999_999).await;
    world.latest("failed").await;
    let mut attempts = 1;
    for (time, is_tried) in [
        ("2024-11-15T10:31:00Z", false),
        ("2024-11-15T11:29:00Z", false),
        ("2024-11-15T11:31:00Z", true),
        ("2024-11-15T17:30:00Z", false),
        ("2024-11-15T17:32:00Z", true),
        ("2024-11-16T17:31:00Z", false),
        ("2024-11-16T17:33:00Z", true),
        // Four in a row are enough.
        ("2024-11-26T17:34:00Z", false),
    ] {
        world.advance(time).await;
        world.uses(time, 1).await;
        attempts += usize::from(is_tried);
        assert_eq!(world.count().await, attempts, "{time}");
        world.latest("failed").await;
    }
    let reason = "automatic top-up is stopped: several failed in a row";
    assert_eq!(world.effective().await, (false, reason.to_owned()));
    // The user changes a setting, and it goes on.
    world.stripe.behave(&world.method, Behaviour::Pays);
    world.set(&json!({"auto_topup_threshold": 9_999})).await;
    world.uses("again", 1).await;
    world.latest("succeeded").await;
    assert_eq!(world.stripe.charged(), 10_000);
}

async fn a_final_decline_stops_it_until_the_user_changes_the_method(backend: Backend) {
    let mut world = World::topping_up(backend, Behaviour::declines("stolen_card")).await;
    world.uses("r-0", 999_999).await;
    world.latest("failed").await;
    world.advance("2024-12-01T00:00:00Z").await;
    world.uses("r-1", 1_000_000).await;
    assert_eq!(world.count().await, 1);
    let reference = world.saved_at_stripe(Behaviour::Pays).await;
    let wanted =
        json!({"provider_method_id": reference, "topup_consent": true, "make_default": true});
    world.attach(&wanted).await;
    world.method = reference;
    world.uses("r-2", 1).await;
    world.latest("succeeded").await;
    assert_eq!(world.stripe.charged(), 10_000);
}

async fn a_day_has_so_many_top_ups_and_no_more(backend: Backend) {
    let world = World::topping_up(backend, Behaviour::Pays).await;
    world.uses("r-0", 995_000).await;
    for number in 1..=3_u32 {
        world.latest("succeeded").await;
        assert_eq!(world.count().await, usize::try_from(number).unwrap());
        world.uses(&format!("r-{number}"), 740_740).await;
    }
    assert_eq!(world.stripe.charged(), 30_000);
    let reason = "the day has had as many top-ups as it may".to_owned();
    assert_eq!(world.effective().await, (false, reason));
    world.advance("2024-11-15T23:59:59Z").await;
    world.uses("late", 1).await;
    assert_eq!(world.count().await, 3);
    world.advance("2024-11-16T00:00:00Z").await;
    world.uses("next", 1).await;
    world.latest("succeeded").await;
    assert_eq!(world.stripe.charged(), 40_000);
}

async fn without_consent_method_or_plan_nothing_is_bought(backend: Backend) {
    let mut world = World::start(backend).await;
    let no_method = "the user has not agreed to this threshold and amount";
    assert_eq!(world.effective().await, (false, no_method.to_owned()));
    world.subscribe("plan-pro").await;
    let reference = world.saved_at_stripe(Behaviour::Pays).await;
    // The default of the setting is no consent, nor is what an operator says.
    let body = json!({"user_id": "alice", "provider_method_id": reference, "topup_consent": true});
    let path = "/v1/billing/payments/methods";
    let attached = world.operator.post(path, &body.to_string()).await;
    assert_eq!(
        attached.json()["topup_consented_at"],
        Value::Null,
        "{}",
        attached.body
    );
    world.switched_on_by_an_operator().await;
    world.uses("r-0", 1_000_000).await;
    assert_eq!(world.count().await, 0);
    world.agree(Behaviour::Pays).await;
    // Raising the amount needs consent anew.
    let settings = world.set(&json!({"auto_topup_amount": 200})).await;
    assert_eq!(settings["effective"]["auto_topup"], false);
    world.uses("r-1", 1).await;
    assert_eq!(world.count().await, 0);
    world.set(&json!({"auto_topup": true})).await;
    world.uses("r-2", 1).await;
    let bought = world.latest("succeeded").await;
    assert_eq!(bought["amount"].to_string(), "200.0");
}

async fn consent_ends_with_the_setting_and_is_never_an_operators(backend: Backend) {
    let world = World::topping_up(backend, Behaviour::Pays).await;
    world.set(&json!({"auto_topup": false})).await;
    let listed = world.alice.get("/v1/billing/payments/methods").await.json();
    assert_eq!(listed["methods"][0]["topup_consented_at"], Value::Null);
    world.switched_on_by_an_operator().await;
    world.uses("r-0", 1_000_000).await;
    assert_eq!(world.count().await, 0);
    // An amount that lifts nobody above the threshold would buy again and again.
    let looping = json!({"auto_topup_threshold": 740_740});
    let refused = world.alice.put(PATH, &looping.to_string()).await;
    assert_eq!(World::refusal(&refused), (400, "INVALID_FIELD"));
    let much = json!({"auto_topup_amount": 10_000.01});
    let refused = world.alice.put(PATH, &much.to_string()).await;
    assert_eq!(World::refusal(&refused), (400, "INVALID_FIELD"));
}

async fn what_was_agreed_to_with_the_setup_goes_to_the_method(backend: Backend) {
    let world = World::start(backend).await;
    let body = json!({
        "return_url": "https://example.com/back",
        "topup_consent": true,
        "collect_consent": true,
    });
    let path = "/v1/billing/payments/setup";
    let setup = world.alice.post(path, &body.to_string()).await;
    let setup = setup.json();
    let id = setup["setup_id"].as_str().unwrap();
    let reference = world.stripe.finish_setup(id, Behaviour::Pays);
    // Whoever saves it: the user has agreed.
    let body = json!({"user_id": "alice", "provider_method_id": reference});
    let path = "/v1/billing/payments/methods";
    let attached = world.operator.post(path, &body.to_string()).await.json();
    let given = "2024-11-15T10:30:00Z";
    assert_eq!(attached["topup_consented_at"], given);
    assert_eq!(attached["collect_consented_at"], given);
}

async fn a_kill_at_any_moment_buys_once(backend: Backend) {
    for endpoint in [Endpoint::CreateIntent, Endpoint::ConfirmIntent] {
        let mut world = World::topping_up(backend, Behaviour::Pays).await;
        world.stripe.fault(endpoint, Fault::Hold, 1);
        world.uses("r-0", 999_999).await;
        world.stripe.held().await;
        world.server.kill9().await;
        world.stripe.release();
        world.server.restart().await;
        world.reconnect().await;
        world.advance("2024-11-15T10:30:11Z").await;
        world.latest("succeeded").await;
        assert_eq!(world.stripe.charged(), 10_000, "{endpoint:?}");
        assert_eq!(world.tokens_left().await, 740_741, "{endpoint:?}");
        assert_eq!(world.count().await, 1, "{endpoint:?}");
    }
}

async fn what_is_no_longer_wanted_is_not_charged(backend: Backend) {
    let world = World::topping_up(backend, Behaviour::Pays).await;
    world.stripe.fault(Endpoint::CreateIntent, Fault::Hold, 1);
    world.uses("r-0", 999_999).await;
    world.stripe.held().await;
    world.set(&json!({"auto_topup": false})).await;
    world.stripe.release();
    let dropped = world.latest("failed").await;
    assert_eq!(dropped["failure_code"], "cancelled");
    assert_eq!(world.stripe.charged(), 0);
    // It was no failure: with new consent the next record buys at once.
    world.set(&json!({"auto_topup": true})).await;
    world.uses("r-1", 1).await;
    world.latest("succeeded").await;
    assert_eq!(world.stripe.charged(), 10_000);
}

async fn a_card_that_needs_the_user_waits_for_them_and_is_then_given_up(backend: Backend) {
    let world = World::topping_up(backend, Behaviour::WantsUser).await;
    world.uses("r-0", 999_999).await;
    let waiting = world.latest("requires_action").await;
    assert_eq!(waiting["expires_at"], "2024-11-16T10:30:00Z");
    world.uses("r-1", 1).await;
    assert_eq!(world.count().await, 1);
    // The user can buy by hand at once: what waits is ended first.
    world.stripe.behave(&world.method, Behaviour::Pays);
    let by_hand = world.top_up("10.00", "by-hand").await;
    assert_eq!(by_hand["status"], "succeeded");
    world.until(&waiting, "failed").await;
    assert_eq!(world.stripe.charged(), 1_000);
}
