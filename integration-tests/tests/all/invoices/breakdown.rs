//! The parts that an item is made of.

use billing_proto::{
    google::r#type::Decimal,
    v1::{InvoiceItem, RecordUsageRequest, SetModelPriceRequest},
};
use integration_tests::{Backend, on_both_databases};

use super::world::{ALICE, World, digits, usage};

on_both_databases!(
    each_part_of_the_tokens_has_its_price,
    a_price_change_makes_two_parts,
    one_price_is_shown_as_it_is,
    models_are_items_of_their_own,
);

/// Name, tokens, price and exact amount of every part.
fn parts(item: &InvoiceItem) -> Vec<(&str, i64, &str, &str)> {
    let parts = item.breakdown.iter().map(|part| {
        let price = part
            .unit_price
            .as_ref()
            .map_or("unset", |price| &price.value);
        (
            part.name.as_str(),
            part.tokens,
            price,
            digits(part.amount.as_ref()),
        )
    });
    let mut parts: Vec<_> = parts.collect();
    parts.sort_unstable();
    parts
}

fn unit_price(item: &InvoiceItem) -> &str {
    item.unit_price
        .as_ref()
        .map_or("unset", |price| &price.value)
}

fn price(model: &str, prices: [&str; 2]) -> SetModelPriceRequest {
    let [prompt, completion] = prices.map(|value| Some(number(value)));
    SetModelPriceRequest {
        model_id: model.to_owned(),
        prompt_price_per_k: prompt,
        completion_price_per_k: completion,
        ..SetModelPriceRequest::default()
    }
}

fn number(value: &str) -> Decimal {
    let value = value.to_owned();
    Decimal { value }
}

impl World {
    async fn set_price(&mut self, price: SetModelPriceRequest) {
        let set = self.wire.prices.set_model_price(price).await;
        set.expect("the price is set");
    }
}

async fn each_part_of_the_tokens_has_its_price(backend: Backend) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    let claude = SetModelPriceRequest {
        cached_prompt_price_per_k: Some(number("0.3")),
        cache_write_price_per_k: Some(number("3.75")),
        reasoning_price_per_k: Some(number("20")),
        ..price("claude", ["3", "15"])
    };
    world.set_price(claude).await;
    for id in ["a", "b"] {
        let call = RecordUsageRequest {
            user_id: ALICE.to_owned(),
            request_id: id.to_owned(),
            model: "claude".to_owned(),
            prompt_tokens: 1_001,
            completion_tokens: 207,
            cached_prompt_tokens: 100,
            cache_write_tokens: 10,
            reasoning_tokens: 7,
            ..RecordUsageRequest::default()
        };
        world.record(call).await;
    }
    let draft = world.generate("2024-11").await;
    let [item] = draft.items.as_slice() else {
        panic!("one item: {:?}", draft.items);
    };
    assert_eq!(
        parts(item),
        [
            ("cache_write", 20, "3.75", "0.075"),
            ("cached_prompt", 200, "0.3", "0.06"),
            ("completion", 400, "15", "6.00"),
            ("prompt", 1_782, "3", "5.346"),
            ("reasoning", 14, "20", "0.28"),
        ]
    );
    assert_eq!(item.quantity, 2_416);
    assert_eq!(digits(item.amount.as_ref()), "11.76");
    // 11.761 for 2,416 tokens.
    assert_eq!(unit_price(item), "4.867964");
}

async fn a_price_change_makes_two_parts(backend: Backend) {
    let mut world = World::at(backend, "2024-11-05T10:30:00Z").await;
    world.use_gpt4("before", 100_000).await;
    world.advance("2024-11-20T00:00:00Z").await;
    world.set_price(price("gpt-4", ["0.01", "0.06"])).await;
    world.use_gpt4("after", 50_000).await;
    world.use_gpt4("after too", 50_000).await;
    world.advance("2024-12-02T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    let [item] = invoice.items.as_slice() else {
        panic!("one item: {:?}", invoice.items);
    };
    let expected = [
        ("prompt", 100_000, "0.01", "1.00"),
        ("prompt", 100_000, "0.03", "3.00"),
    ];
    assert_eq!(parts(item), expected);
    assert_eq!((unit_price(item), item.quantity), ("0.02", 200_000));
    assert_eq!(digits(item.amount.as_ref()), "4.00");
    world.assert_reconciled(&["2024-11"]).await;
}

async fn one_price_is_shown_as_it_is(backend: Backend) {
    let mut world = World::at(backend, "2024-11-05T10:30:00Z").await;
    let exact = "0.000000123456";
    world.set_price(price("cheap", [exact, exact])).await;
    let call = RecordUsageRequest {
        completion_tokens: 1_000_000,
        ..usage("a", "cheap", 1_000_000)
    };
    world.record(call).await;
    let draft = world.generate("2024-11").await;
    let item = &draft.items[0];
    assert_eq!(unit_price(item), exact);
    let expected = [
        ("completion", 1_000_000, exact, "0.000123456"),
        ("prompt", 1_000_000, exact, "0.000123456"),
    ];
    assert_eq!(parts(item), expected);
    assert_eq!(digits(item.amount.as_ref()), "0.00");
}

async fn models_are_items_of_their_own(backend: Backend) {
    let mut world = World::at(backend, "2024-11-05T10:30:00Z").await;
    world.record(usage("a", "gpt-3.5-turbo", 750_000)).await;
    world.record(usage("b", "gpt-4", 500_000)).await;
    let draft = world.generate("2024-11").await;
    let mut got: Vec<_> = draft
        .items
        .iter()
        .map(|item| {
            (
                item.model.as_str(),
                unit_price(item),
                digits(item.amount.as_ref()),
            )
        })
        .collect();
    got.sort_unstable();
    let expected = [
        ("gpt-3.5-turbo", "0.0015", "1.13"),
        ("gpt-4", "0.03", "15.00"),
    ];
    assert_eq!(got, expected);
}
