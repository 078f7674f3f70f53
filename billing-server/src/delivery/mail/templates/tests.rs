//! Texts that are built in, and the operator's in their place.

use std::fs;

use rstest::rstest;
use tempfile::TempDir;

use super::{
    super::letters::{COMMON, Language, MailKind},
    *,
};

fn common(buyer_name: &str, language: Language) -> Common<'_> {
    Common {
        buyer_name,
        sender_name: "Oblivious AI",
        language,
        has_pdf: !buyer_name.is_empty(),
    }
}

/// Templates with files of one's own.
fn with(files: &[(&str, &str)]) -> Templates {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    Templates::new(Some(folder.path())).unwrap()
}

fn problems(templates: &Templates) -> Vec<String> {
    templates
        .problems()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn every_built_in_text_says_only_what_its_kind_has() {
    let environment = built_in::environment().unwrap();
    for name in TemplateName::all() {
        let template = environment.get_template(&name.to_string()).unwrap();
        let mut found = template.undeclared_variables(false);
        found.retain(|variable| !COMMON.contains(&variable.as_str()));
        found.retain(|variable| !name.kind.variables().contains(&variable.as_str()));
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}

#[test]
fn every_kind_can_be_written_with_every_value_and_its_opposite() {
    let templates = Templates::new(None).unwrap();
    for &kind in MailKind::ALL {
        for &language in kind.languages() {
            for (buyer, letter) in [
                ("Alice Ltd", Letter::example(kind)),
                ("", Letter::other_example(kind)),
            ] {
                let rendered = templates.render(&common(buyer, language), &letter).unwrap();
                let context = format!("{} {language:?}", kind.name());
                assert!(!rendered.subject.contains('\n'), "{context}");
                // No holes and no leftovers of the template.
                assert!(
                    !rendered.text.contains("\n\n\n"),
                    "{context}:\n{}",
                    rendered.text
                );
                assert!(
                    !rendered.text.contains(['{', '}']),
                    "{context}:\n{}",
                    rendered.text
                );
                let html = rendered.html.unwrap_or_default();
                assert_eq!(html.is_empty(), kind == MailKind::OperatorNotice);
                assert!(!html.contains(['{', '}']), "{context}:\n{html}");
                assert!(!html.contains("<table"), "{context}");
            }
        }
    }
    assert_eq!(templates.fallbacks(), 0);
}

#[test]
fn the_table_in_the_documentation_has_every_variable_of_every_kind() {
    let page = include_str!("../../../../../docs/operations.md");
    for kind in MailKind::ALL {
        let start = format!("| `{}` | ", kind.name());
        let row = page.lines().find_map(|line| line.strip_prefix(&start));
        let told: Vec<_> = row
            .unwrap_or_default()
            .split('`')
            .skip(1)
            .step_by(2)
            .collect();
        assert_eq!(told, kind.variables(), "{}", kind.name());
    }
}

#[test]
fn values_are_escaped_in_html_and_never_compiled() {
    let templates = Templates::new(None).unwrap();
    let Letter::PaymentFailed(mut letter) = Letter::example(MailKind::PaymentFailed) else {
        panic!("another kind");
    };
    letter.failure_message = "<script>alert('{{ 7 * 7 }}')</script>{% raw %}".to_owned();
    let letter = Letter::PaymentFailed(letter);
    let buyer = "<b>{{ sender_name }}</b> & \"Co\"";
    let rendered = templates
        .render(&common(buyer, Language::En), &letter)
        .unwrap();
    let html = rendered.html.unwrap();
    assert!(
        html.contains("&lt;b&gt;{{ sender_name }}&lt;&#x2f;b&gt; &amp; &quot;Co&quot;"),
        "{html}"
    );
    assert!(
        html.contains("&lt;script&gt;alert(&#x27;{{ 7 * 7 }}&#x27;)"),
        "{html}"
    );
    assert!(!html.contains("<script>"));
    assert!(
        rendered
            .text
            .contains("<script>alert('{{ 7 * 7 }}')</script>{% raw %}")
    );
}

#[test]
fn a_text_of_ones_own_takes_the_place_of_the_built_in_one() {
    let templates = with(&[
        ("topup_done.en.subject", "{{ tokens }} for {{ buyer_name }}"),
        (
            "topup_done.en.html",
            "{% extends \"layout.html\" %}{% block title %}{{ tokens }}{% endblock %}\
             {% block body %}{% autoescape false %}<i>{{ buyer_name }}</i>{% endautoescape %}\
             {% endblock %}",
        ),
        ("notes.md", "{{ nothing }}"),
        (".topup_done.en.txt", "{{ nothing }}"),
    ]);
    assert_eq!(problems(&templates), Vec::<String>::new());
    assert_eq!(templates.own_count(), 2);
    let letter = Letter::example(MailKind::TopupDone);
    let own = templates
        .render(&common("A & B", Language::En), &letter)
        .unwrap();
    assert_eq!(own.subject, "666,666 for A & B");
    let html = own.html.unwrap();
    // Escaping cannot be turned off, by mistake or not.
    assert!(html.contains("<i>A &amp; B</i>"), "{html}");
    assert!(own.text.contains("Paid: 100.00 USD"));
    let zh = templates
        .render(&common("", Language::Zh), &letter)
        .unwrap();
    assert_eq!(zh.subject, "已充值 666,666 token");
}

#[rstest]
#[case::undefined(
    "Hello\n{{ buyer }}\n",
    "topup_done.en.txt, line 2: buyer is no variable of topup_done, which has buyer_name, \
     sender_name, language, has_pdf, amount, currency, tokens, document_number, paid_on, \
     is_automatic"
)]
#[case::in_no_way_that_examples_take(
    "{% if tokens == \"none\" %}\n\n{{ smtp_url }}{% endif %}",
    "topup_done.en.txt, line 3: smtp_url is no variable of topup_done"
)]
#[case::of_another_kind(
    "{{ invoice_number }}",
    "topup_done.en.txt, line 1: invoice_number is no variable of topup_done"
)]
#[case::field("{{ tokens.left }}", "topup_done.en.txt, line 1: undefined value")]
#[case::syntax("a\nb {{ tokens }", "topup_done.en.txt, line 2: syntax error: ")]
#[case::filter("{{ tokens|shout }}", "topup_done.en.txt, line 1: unknown filter: ")]
#[case::safe("{{ tokens|safe }}", "topup_done.en.txt, line 1: unknown filter: ")]
#[case::extends(
    "{% extends \"base.html\" %}",
    "topup_done.en.txt, line 1: template not found: "
)]
fn a_broken_text_is_told_by_file_line_and_variable_and_not_used(
    #[case] text: &str,
    #[case] expected: &str,
) {
    let templates = with(&[("topup_done.en.txt", text)]);
    let problems = problems(&templates);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with(expected), "{problems:?}");

    let letter = Letter::example(MailKind::TopupDone);
    for count in 1..=2 {
        let rendered = templates
            .render(&common("", Language::En), &letter)
            .unwrap();
        assert!(rendered.text.contains("Paid: 100.00 USD"));
        assert_eq!(templates.fallbacks(), count);
    }
}

#[test]
fn a_text_that_breaks_only_when_a_mail_is_written_falls_back_too() {
    let text = "{% if tokens == \"1\" %}{{ tokens.left }}{% endif %}mine";
    let templates = with(&[("topup_done.en.txt", text)]);
    assert_eq!(problems(&templates), Vec::<String>::new());
    let Letter::TopupDone(mut letter) = Letter::example(MailKind::TopupDone) else {
        panic!("another kind");
    };
    let common = common("", Language::En);
    let mine = templates
        .render(&common, &Letter::TopupDone(letter.clone()))
        .unwrap();
    assert_eq!((mine.text.as_str(), templates.fallbacks()), ("mine", 0));
    letter.tokens = "1".to_owned();
    let built_in = templates
        .render(&common, &Letter::TopupDone(letter))
        .unwrap();
    assert!(built_in.text.contains("Tokens: 1"), "{}", built_in.text);
    assert_eq!(templates.fallbacks(), 1);
}

#[test]
fn a_file_that_is_named_like_no_template_is_told() {
    let templates = with(&[
        ("invoice_isued.en.txt", "x"),
        ("operator_notice.zh.txt", "x"),
        ("layout.html", "x"),
    ]);
    let told = problems(&templates);
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(
        told[0],
        "invoice_isued.en.txt: is named like no template, such as invoice_issued.en.html"
    );
}
