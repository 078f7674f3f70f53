//! Every setting, declared once: its help, name, type, default, the value's name and check.

use std::{net::SocketAddr, path::PathBuf};

use billing_core::settings::{MAX_ADDRESS, MAX_NAME, MAX_TAX_ID};

use super::{
    DatabaseUrl, ListenAddress, LogFormat, Networks, Period, Periods, SecretText, Usd,
    check::{
        any, at_most, between, cents, country, line, lines, not_empty, origin, series, timeout,
    },
    declare::settings,
};

/// Bytes in a message: less holds no request, more than gRPC can frame is none.
const MESSAGE_BYTES: [usize; 2] = [1_024, 1_073_741_824];
/// Usage records in the queue.
const QUEUE_RECORDS: [usize; 2] = [1, 10_000_000];
/// Connections in a pool.
const POOL: [usize; 2] = [1, 1_000];
/// The longest grace of a month's end: the next one has not come by then.
const MAX_GRACE: Period = Period::seconds(28 * 24 * 60 * 60);

settings! {
    /// What every command on the server's machine takes.
    CommonOptions common with
        /// TOML file with settings, in snake_case
        #[arg(long, value_name = "FILE")]
        #[serde(skip)]
        config: Option<PathBuf>
    {
        /// sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME [default: sqlite://billing.db]
        database_url: DatabaseUrl = DatabaseUrl::default(), value "URL", any;

        /// How log lines are written to stderr [default: text]
        log_format: LogFormat = LogFormat::Text, value "FORMAT", any;
    }

    /// What the listener takes.
    ListenerOptions listener {
        /// Where to listen: an address or a host, and a port; port 0 takes a free one [default:
        /// 127.0.0.1:8080]
        listen: ListenAddress = SocketAddr::from(([127, 0, 0, 1], 8080)).into(), value "ADDRESS",
            any;

        /// PEM certificate chain; serves TLS together with --tls-key
        tls_cert: Option<PathBuf> = None, value "FILE", any;

        /// PEM private key of --tls-cert
        tls_key: Option<PathBuf> = None, value "FILE", any;

        /// Allow others to connect without TLS, as behind a proxy that adds it
        #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        plaintext: bool = false, value "BOOL", any;

        /// Web origin that browsers may call from, or * for all [default: none]
        cors_origin: Option<String> = None, value "ORIGIN", origin;

        /// Let the API's description be read without a token
        #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        reflection_public: bool = false, value "BOOL", any;
    }

    /// What decides which tokens are accepted.
    KeyOptions keys {
        /// Ed25519 key (PEM) or HS256 secret for tokens; required with PostgreSQL [default:
        /// billing.key beside the SQLite file, created when missing]
        jwt_key_file: Option<PathBuf> = None, value "FILE", any;

        /// The iss that tokens must have [default: not checked]
        jwt_issuer: Option<String> = None, value "NAME", not_empty;

        /// The aud that tokens must have [default: not checked]
        jwt_audience: Option<String> = None, value "NAME", not_empty;
    }

    /// How the running server works and how much it takes on.
    ServerOptions server {
        /// Bring a PostgreSQL schema up to date at start; SQLite always is
        #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        auto_migrate: bool = false, value "BOOL", any;

        /// Largest message [default: 16777216]
        max_message_bytes: usize = 16 * 1024 * 1024, value "BYTES", between(MESSAGE_BYTES);

        /// Usage records that may wait for the database [default: 8192]
        queue_records: usize = 8_192, value "N", between(QUEUE_RECORDS);

        /// Database connections that read [default: 4]
        db_read_pool: usize = 4, value "N", between(POOL);

        /// Database connections that write usage [default: 1]
        db_writers: usize = 1, value "N", between(POOL);

        /// Time that running calls get to finish at the end [default: 30s]
        shutdown_timeout: Period = Period::seconds(30), value "DURATION", timeout;

        /// Time after a month's end when its invoices are made [default: 24h]
        month_end_grace: Period = Period::seconds(24 * 60 * 60), value "DURATION",
            at_most(MAX_GRACE);
    }

    /// Through whom money comes in.
    PaymentOptions payments {
        /// Secret or restricted key of a Stripe account [default: none]
        stripe_secret_key: Option<SecretText> = None, value "KEY", any;

        /// File that holds --stripe-secret-key
        stripe_secret_key_file: Option<PathBuf> = None, value "FILE", any;

        /// What Stripe signs webhooks with; two, divided by a comma, while one replaces the other
        stripe_webhook_secret: Option<SecretText> = None, value "SECRETS", any;

        /// File that holds --stripe-webhook-secret
        stripe_webhook_secret_file: Option<PathBuf> = None, value "FILE", any;

        /// Where Stripe's API is [default: https://api.stripe.com]
        stripe_api_base: Option<String> = None, value "URL", not_empty;

        /// Client id of an app at PayPal [default: none]
        paypal_client_id: Option<String> = None, value "ID", not_empty;

        /// Secret of the app at PayPal [default: none]
        paypal_client_secret: Option<SecretText> = None, value "SECRET", any;

        /// File that holds --paypal-client-secret
        paypal_client_secret_file: Option<PathBuf> = None, value "FILE", any;

        /// Id of the webhook at PayPal, which its signatures are for [default: none]
        paypal_webhook_id: Option<String> = None, value "ID", not_empty;

        /// Where PayPal's API is; all but the default is a sandbox [default:
        /// https://api-m.paypal.com]
        paypal_api_base: Option<String> = None, value "URL", not_empty;

        /// The item that buyers read at PayPal [default: Oblivious AI Credits]
        paypal_item_name: Option<String> = None, value "TEXT", not_empty;

        /// What payers read on a charge of Stripe [default: Oblivious AI API Usage]
        payment_description: Option<String> = None, value "TEXT", not_empty;

        /// The least that a top-up costs, in USD [default: 1.00]
        topup_min: Usd = Usd::whole(1), value "USD", cents;

        /// The most that a top-up costs, in USD [default: 10000.00]
        topup_max: Usd = Usd::whole(10_000), value "USD", cents;

        /// Automatic top-ups of a user that are charged in a day at most [default: 3]
        topup_max_per_day: u32 = 3, value "N", any;

        /// Automatic top-ups of a user that are charged in a month at most [default: 10]
        topup_max_per_month: u32 = 10, value "N", any;

        /// Waits before an invoice is collected again that could not be [default: 1d,3d,7d]
        collection_retries: Periods = Periods::days(&[1, 3, 7]), value "DURATIONS", any;
    }

    /// Where webhooks may be sent.
    WebhookOptions webhooks {
        /// Allow endpoints without TLS, as on this machine
        #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        webhook_allow_http: bool = false, value "BOOL", any;

        /// Time that events are kept, and those with open deliveries longer [default: 1year]
        event_retention: Period = Period::seconds(31_557_600), value "DURATION", any;

        /// Networks of endpoints that not everybody can reach, such as 10.1.0.0/16 [default: none]
        webhook_allow_cidr: Networks = Networks::default(), value "NETWORKS", any;
    }

    /// What documents say of the seller, and how they are numbered.
    DocumentSettings documents {
        /// Name on invoices [default: none]
        seller_name: Option<String> = None, value "NAME", line(MAX_NAME);

        /// Address on invoices, of one line or several [default: none]
        seller_address: Option<String> = None, value "TEXT", lines(MAX_ADDRESS);

        /// Country on invoices, such as DE (ISO 3166-1) [default: none]
        seller_country: Option<String> = None, value "CODE", country;

        /// Tax id on invoices [default: none]
        seller_tax_id: Option<String> = None, value "ID", line(MAX_TAX_ID);

        /// Entry in a register of companies on invoices [default: none]
        seller_registration: Option<String> = None, value "TEXT", line(MAX_NAME);

        /// Foot of invoices, such as how to pay, of one line or several [default: none]
        seller_footer: Option<String> = None, value "TEXT", lines(MAX_ADDRESS);

        /// What the numbers of invoices begin with [default: INV]
        invoice_series: String = "INV".to_owned(), value "SERIES", series;

        /// What the numbers of credit notes and cancellations begin with [default: CN]
        credit_note_series: String = "CN".to_owned(), value "SERIES", series;
    }

    /// Who is written to, and by which mail server.
    MailOptions mail {
        /// Mail server, smtps://USER:PASSWORD@HOST:PORT or smtp://..., which wants STARTTLS; then
        /// ?tls=opportunistic takes none too [default: none]
        smtp_url: Option<SecretText> = None, value "URL", any;

        /// File that holds --smtp-url
        smtp_url_file: Option<PathBuf> = None, value "FILE", any;

        /// Who mails are from, as in "Billing <billing@example.com>" [default: none]
        mail_from: Option<String> = None, value "ADDRESS", not_empty;

        /// Folder with texts of your own in place of those built in, such as
        /// invoice_issued.en.html [default: none]
        mail_templates: Option<PathBuf> = None, value "DIR", any;

        /// Where the operator is told what a person should know [default: none]
        operator_email: Option<String> = None, value "ADDRESS", not_empty;
    }

    /// How long the database may take.
    DatabaseOptions database {
        /// Longest wait for a database connection [default: 5s]
        db_acquire_timeout: Period = Period::seconds(5), value "DURATION", timeout;

        /// Longest run of one database statement [default: 30s]
        db_statement_timeout: Period = Period::seconds(30), value "DURATION", timeout;
    }
}
