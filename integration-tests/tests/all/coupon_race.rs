//! Many users redeem one scarce coupon while their usage arrives.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use billing_proto::{
    google::r#type::Decimal,
    v1::{
        ApplyCouponRequest, CouponType, CreateCouponRequest, ListCouponsRequest,
        ListRedemptionsRequest, RecordUsageRequest, SetModelPriceRequest,
    },
};
use futures_util::future::join_all;
use integration_tests::{Backend, TestServer, on_both_databases};
use tokio::{sync::Semaphore, task::JoinHandle, time::timeout};

use crate::{load, support::refusal, wire::Wire};

on_both_databases!(racing_redemptions_never_exceed_the_uses_of_a_coupon);

const USERS: usize = 50;
const USES: usize = 10;
/// Callers of one server that record usage all the while.
const RECORDERS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(60);

fn number(value: &str) -> Option<Decimal> {
    let value = value.to_owned();
    Some(Decimal { value })
}

async fn set_up(wire: &mut Wire) {
    let price = SetModelPriceRequest {
        model_id: load::MODEL.to_owned(),
        prompt_price_per_k: number("1"),
        completion_price_per_k: number("1"),
        ..SetModelPriceRequest::default()
    };
    wire.prices.set_model_price(price).await.unwrap();
    let coupon = CreateCouponRequest {
        code: "SCARCE".to_owned(),
        r#type: CouponType::Percentage.into(),
        value: number("50"),
        max_uses: i64::try_from(USES).unwrap(),
        max_usage_per_user: 5,
        ..CreateCouponRequest::default()
    };
    wire.coupons.create_coupon(coupon).await.unwrap();
}

/// Redeems the coupon for a user: empty, or why it is refused.
async fn redeem(mut wire: Wire, user: usize) -> (usize, String) {
    let request = ApplyCouponRequest {
        coupon_code: "SCARCE".to_owned(),
        user_id: format!("user-{user}"),
        request_id: String::new(),
    };
    let answer = wire.coupons.apply_coupon(request).await;
    let reason = answer.map_or_else(|status| refusal(&status).1, |_| String::new());
    (user, reason)
}

/// Records usage of all users in turn until told to stop, and answers how many records it made.
/// Each adds a permit to `recorded`.
fn keep_recording(
    mut wire: Wire,
    name: String,
    stop: Arc<AtomicBool>,
    recorded: Arc<Semaphore>,
) -> JoinHandle<usize> {
    tokio::spawn(async move {
        let mut count = 0;
        while !stop.load(Ordering::Relaxed) {
            let request = RecordUsageRequest {
                user_id: format!("user-{}", count % USERS),
                request_id: format!("{name}-{count}"),
                model: load::MODEL.to_owned(),
                prompt_tokens: 1_000,
                ..RecordUsageRequest::default()
            };
            let answer = wire.usage.record_usage(request).await;
            answer.expect("usage is recorded whatever else goes on");
            count += 1;
            recorded.add_permits(1);
        }
        count
    })
}

/// Races two calls per user over the servers in turn, and checks who won.
async fn race(wires: &[Wire]) {
    let stop = Arc::new(AtomicBool::new(false));
    let recorded = Arc::new(Semaphore::new(0));
    let recorders: Vec<_> = wires
        .iter()
        .flat_map(|wire| std::iter::repeat_n(wire, RECORDERS))
        .enumerate()
        .map(|(number, wire)| {
            let name = format!("recorder-{number}");
            keep_recording(wire.clone(), name, stop.clone(), recorded.clone())
        })
        .collect();
    let some = |count| timeout(PATIENCE, recorded.acquire_many(count));
    some(50).await.expect("usage is recorded").unwrap().forget();
    let calls = (0..2 * USERS).map(|call| {
        let wire = wires[call % wires.len()].clone();
        // On two servers the two calls of a user reach both.
        tokio::spawn(redeem(wire, call / 2))
    });
    let answers = timeout(PATIENCE, join_all(calls)).await;
    let answers = answers.expect("every redemption is answered");
    some(50).await.expect("usage is recorded").unwrap().forget();
    stop.store(true, Ordering::Relaxed);
    let counts = timeout(PATIENCE, join_all(recorders)).await;
    let counts = counts.expect("every record is answered");
    let records: usize = counts.into_iter().map(Result::unwrap).sum();

    let mut reasons = BTreeMap::<String, Vec<usize>>::new();
    for answer in answers {
        let (user, reason) = answer.unwrap();
        reasons.entry(reason).or_default().push(user);
    }
    let winners = reasons.remove("").unwrap_or_default();
    assert_eq!(winners.len(), USES, "{reasons:?}");
    let allowed = ["COUPON_USED_UP", "COUPON_ALREADY_ACTIVE"];
    let all_allowed = reasons.keys().all(|r| allowed.contains(&r.as_str()));
    assert!(all_allowed, "{reasons:?}");
    let stored = stored(&mut wires[0].clone()).await;
    assert_eq!(stored.0, i64::try_from(USES).unwrap());
    let mut winners = winners;
    winners.sort_unstable();
    assert_eq!(stored.1, winners);
    assert!(records >= 100);
}

/// How often the coupon was used, and the users that have it.
async fn stored(wire: &mut Wire) -> (i64, Vec<usize>) {
    let coupons = wire.coupons.list_coupons(ListCouponsRequest::default());
    let coupons = coupons.await.unwrap().into_inner().coupons;
    let mut holders = Vec::new();
    for user in 0..USERS {
        let request = ListRedemptionsRequest {
            user_id: format!("user-{user}"),
            ..ListRedemptionsRequest::default()
        };
        let listed = wire.coupons.list_redemptions(request).await.unwrap();
        holders.extend(listed.into_inner().redemptions.iter().map(|_| user));
    }
    (coupons[0].used_count, holders)
}

async fn racing_redemptions_never_exceed_the_uses_of_a_coupon(backend: Backend) {
    let server = load::server(backend).start().await;
    let mut wire = Wire::operator(&server).await;
    set_up(&mut wire).await;
    race(&[wire]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_never_exceed_the_uses_of_a_coupon() {
    let one = load::server(Backend::Postgres).start().await;
    let other = load::server(Backend::Postgres).database_url(one.database_url());
    let other: TestServer = other.start().await;
    let mut wire = Wire::operator(&one).await;
    set_up(&mut wire).await;
    race(&[wire, Wire::operator(&other).await]).await;
    load::assert_sums_add_up(one.database_url()).await;
}
