//! What a plan may be, and what a change makes of it.

use rstest::rstest;

use super::*;

fn now() -> DateTime<Utc> {
    "2024-11-15T12:00:00Z".parse().unwrap()
}

fn money(text: &str) -> Option<Money> {
    Some(text.parse().unwrap())
}

fn price(text: &str) -> Option<Price> {
    Some(text.parse().unwrap())
}

fn pro() -> PlanChange {
    PlanChange {
        name: Some("Pro".into()),
        monthly_quota: Some(1_000_000),
        monthly_price: money("99.99"),
        ..PlanChange::default()
    }
}

fn created(change: PlanChange) -> Plan {
    change.create(PlanId::parse("plan-pro").unwrap(), now())
}

fn text(character: &str, count: usize) -> Option<String> {
    Some(character.repeat(count))
}

#[rstest]
#[case::nothing(PlanChange::default())]
#[case::longest_name(PlanChange { name: text("é", 100), ..pro() })]
#[case::longest_description(PlanChange { description: text("é", 500), ..pro() })]
#[case::lines(PlanChange { description: Some("a\nb".into()), ..pro() })]
#[case::free(PlanChange { monthly_price: money("0"), extra_token_price: price("0"), ..pro() })]
#[case::dearest(PlanChange { monthly_price: money("1000000"), ..pro() })]
#[case::largest_quota(PlanChange { monthly_quota: Some(MAX_QUOTA), ..pro() })]
#[case::finest_price(PlanChange { extra_token_price: price("0.000000000001"), ..pro() })]
#[case::most_features(PlanChange { features: Some(vec!["x".repeat(200); 50]), ..pro() })]
#[case::first_in_lists(PlanChange { display_order: Some(i32::MIN), ..pro() })]
fn a_sound_change_has_no_violations(#[case] change: PlanChange) {
    assert_eq!(change.violations(), []);
}

#[rstest]
#[case::no_name(PlanChange { name: Some(String::new()), ..pro() }, "name")]
#[case::long_name(PlanChange { name: text("é", 101), ..pro() }, "name")]
#[case::spaced_name(PlanChange { name: Some("Pro ".into()), ..pro() }, "name")]
#[case::hidden_in_name(PlanChange { name: Some("P\0o".into()), ..pro() }, "name")]
#[case::long_description(PlanChange { description: text("x", 501), ..pro() }, "description")]
#[case::negative_quota(PlanChange { monthly_quota: Some(-1), ..pro() }, "monthly_quota")]
#[case::large_quota(PlanChange { monthly_quota: Some(MAX_QUOTA + 1), ..pro() }, "monthly_quota")]
#[case::negative_fee(PlanChange { monthly_price: money("-1"), ..pro() }, "monthly_price")]
#[case::half_a_cent(PlanChange { monthly_price: money("1.005"), ..pro() }, "monthly_price")]
#[case::dear(PlanChange { monthly_price: money("1000000.01"), ..pro() }, "monthly_price")]
#[case::negative_extra(
    PlanChange { extra_token_price: price("-0.1"), ..pro() },
    "extra_token_price"
)]
#[case::dear_extra(PlanChange { extra_token_price: price("10.1"), ..pro() }, "extra_token_price")]
#[case::long_support(PlanChange { support_level: text("x", 101), ..pro() }, "support_level")]
#[case::negative_calls(
    PlanChange { max_concurrent_req: Some(-1), ..pro() },
    "max_concurrent_req"
)]
#[case::negative_rate(PlanChange { rate_limit_per_min: Some(-1), ..pro() }, "rate_limit_per_min")]
#[case::many_features(PlanChange { features: Some(vec!["x".into(); 51]), ..pro() }, "features")]
#[case::empty_feature(PlanChange { features: Some(vec![String::new()]), ..pro() }, "features")]
#[case::long_feature(PlanChange { features: Some(vec!["x".repeat(201)]), ..pro() }, "features")]
#[case::high_rate(
    PlanChange { overage_discount_rate: Some("1.0001".parse().unwrap()), ..pro() },
    "overage_discount_rate"
)]
fn a_wrong_field_is_named(#[case] change: PlanChange, #[case] field: &str) {
    let found = change.violations();
    let fields: Vec<_> = found.iter().map(|violation| violation.field).collect();
    assert_eq!(fields, [field]);
}

#[test]
fn a_new_plan_is_on_offer_and_free_of_what_is_left_out() {
    let plan = created(pro());
    assert_eq!((plan.name.as_str(), plan.is_active), ("Pro", true));
    assert_eq!(plan.terms.usage_pricing, UsagePricing::Included);
    assert_eq!(plan.terms.extra_token_price, Price::ZERO);
    assert_eq!(plan.terms.overage_discount_rate, Rate::ONE);
    assert_eq!((plan.created_at, plan.updated_at), (now(), now()));
}

#[test]
fn a_change_leaves_alone_what_it_does_not_name() {
    let plan = created(pro());
    assert_eq!(PlanChange::default().apply(plan.clone()), plan);
    let change = PlanChange {
        monthly_quota: Some(2),
        ..PlanChange::default()
    };
    let changed = change.apply(plan.clone());
    assert_eq!(changed.terms.monthly_quota, 2);
    assert_eq!(pro().apply(changed), plan);
}

#[rstest]
#[case::on_offer(true, false, true)]
#[case::off_the_offer(false, false, false)]
#[case::put_back(false, true, true)]
fn only_reactivation_puts_a_plan_back_on_offer(
    #[case] before: bool,
    #[case] reactivate: bool,
    #[case] after: bool,
) {
    let plan = Plan {
        is_active: before,
        ..created(pro())
    };
    let change = PlanChange {
        reactivate,
        ..pro()
    };
    assert_eq!(change.apply(plan).is_active, after);
}

#[test]
fn plans_have_the_same_content_whenever_they_were_made_and_whether_or_not_they_are_on_offer() {
    let plan = created(pro());
    let later = pro().create(plan.id.clone(), now() + chrono::TimeDelta::days(1));
    let inactive = Plan {
        is_active: false,
        ..later
    };
    assert!(plan.has_content_of(&inactive));
    let other = PlanChange {
        display_order: Some(7),
        ..PlanChange::default()
    };
    assert!(!plan.has_content_of(&other.apply(inactive)));
}

fn changed(change: PlanChange) -> PlanDecision {
    let stored = Some(created(pro()));
    let later = now() + chrono::TimeDelta::days(1);
    let decided = catalog().update_plan(stored, id(), change, later);
    decided.unwrap()
}

fn id() -> PlanId {
    PlanId::parse("plan-pro").unwrap()
}

/// A catalog that has dealt out version 7.
fn catalog() -> Catalog {
    let terms = created(pro()).terms;
    let version = crate::testing::plan_version(7, "plan-pro", "Pro", terms);
    Catalog::new(1, []).with_plans([(true, version)])
}

fn version(id: i32, plan: &Plan, from: DateTime<Utc>) -> PlanVersion {
    PlanVersion {
        effective_from: from,
        created_at: from,
        ..crate::testing::plan_version(id, "plan-pro", &plan.name, plan.terms.clone())
    }
}

#[test]
fn a_plan_is_created_with_its_first_version() {
    let plan = created(pro());
    let decided = catalog().create_plan(None, id(), pro(), now());
    let expected = PlanDecision::Created(plan.clone(), version(8, &plan, now()));
    assert_eq!(decided, Ok(expected));
    let first = Catalog::default().create_plan(None, id(), pro(), now());
    let expected = PlanDecision::Created(plan.clone(), version(1, &plan, now()));
    assert_eq!(first, Ok(expected));
}

#[rstest]
#[case::same_content(pro(), true)]
#[case::other_content(PlanChange { display_order: Some(1), ..pro() }, false)]
fn creating_a_plan_again_answers_with_it_or_is_refused(
    #[case] content: PlanChange,
    #[case] same: bool,
) {
    let stored = Plan {
        is_active: false,
        ..created(pro())
    };
    let later = now() + chrono::TimeDelta::days(1);
    let decided = catalog().create_plan(Some(stored.clone()), id(), content, later);
    let expected = if same {
        Ok(PlanDecision::Unchanged(stored))
    } else {
        Err(Refusal::PlanExists(id()))
    };
    assert_eq!(decided, expected);
}

#[rstest]
#[case::terms(PlanChange { monthly_quota: Some(5), ..PlanChange::default() }, true)]
#[case::name(PlanChange { name: Some("Professional".into()), ..PlanChange::default() }, true)]
#[case::place_in_lists(PlanChange { display_order: Some(5), ..PlanChange::default() }, false)]
fn only_other_terms_or_another_name_make_a_version(
    #[case] change: PlanChange,
    #[case] makes_version: bool,
) {
    let later = now() + chrono::TimeDelta::days(1);
    let plan = Plan {
        updated_at: later,
        ..change.clone().apply(created(pro()))
    };
    let version = makes_version.then(|| version(8, &plan, later));
    assert_eq!(changed(change), PlanDecision::Changed(plan, version));
}

#[test]
fn a_change_to_what_a_plan_is_already_changes_nothing() {
    assert_eq!(changed(pro()), PlanDecision::Unchanged(created(pro())));
    assert_eq!(changed(pro()).into_plan(), created(pro()));
}

#[rstest]
#[case::unused(true, false, 0, Ok(false))]
#[case::used(true, false, 3, Err(Refusal::PlanInUse { id: id(), subscriptions: 3 }))]
#[case::used_by_those_who_keep_it(true, true, 3, Ok(false))]
#[case::off_the_offer_already(false, false, 3, Ok(true))]
fn a_plan_in_use_stays_on_offer_unless_its_subscribers_keep_it(
    #[case] is_active: bool,
    #[case] keep_subscribers: bool,
    #[case] subscriptions: i64,
    #[case] unchanged: Result<bool, Refusal>,
) {
    let stored = Plan {
        is_active,
        ..created(pro())
    };
    let later = now() + chrono::TimeDelta::days(1);
    let inactive = Plan {
        is_active: false,
        updated_at: later,
        ..stored.clone()
    };
    let expected = unchanged.map(|unchanged| match unchanged {
        true => PlanDecision::Unchanged(stored.clone()),
        false => PlanDecision::Changed(inactive, None),
    });
    let decided = Plan::deactivate(Some(stored), id(), keep_subscribers, subscriptions, later);
    assert_eq!(decided, expected);
}

#[test]
fn a_plan_that_there_is_not_cannot_be_changed() {
    let missing = Err(Refusal::PlanNotFound(id()));
    assert_eq!(catalog().update_plan(None, id(), pro(), now()), missing);
    assert_eq!(Plan::deactivate(None, id(), true, 0, now()), missing);
}

#[test]
fn the_price_of_a_thousand_extra_tokens_has_the_discount_in_it() {
    let terms = PlanTerms {
        extra_token_price: "0.00015".parse().unwrap(),
        overage_discount_rate: "0.9".parse().unwrap(),
        ..created(pro()).terms
    };
    assert_eq!(terms.overage_price_per_k(), Ok("0.135".parse().unwrap()));
}
