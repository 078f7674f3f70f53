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
