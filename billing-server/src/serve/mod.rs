//! Running the server: open the database, listen, and drain when told to stop.

mod error;
mod health;
mod listen;
mod open;
mod routes;

use std::{fs, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

pub(crate) use self::{error::ServeError, open::check_schema};

use billing_proto::FILE_DESCRIPTOR_SET;
use billing_store::{Store, UsageStore, UsageWriter};
use prost_reflect::DescriptorPool;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tonic::transport::{Identity, Server, ServerTlsConfig, server::TcpIncoming};

use crate::{
    api,
    app::App,
    auth::Verifier,
    clock::{self, Clock, SystemClock, TestClock},
    config::{Config, ConfigError},
    delivery::{self, Relay, mail::Mail, webhook::WebhookSender},
    jobs::Jobs,
    payments::{self, Providers},
    stdout,
};

/// How often an idle connection is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Serves on one of the addresses until SIGTERM or SIGINT, then finishes what was begun.
pub(crate) async fn serve(config: Config, addresses: &[SocketAddr]) -> Result<(), ServeError> {
    let socket = listen::take(addresses)?;
    let config = Arc::new(config);
    let key = config.load_signing_key()?;
    let verifier = Arc::new(Verifier::new(key, &config.token_rules()));
    let mut server = server(&config)?;
    let providers = Providers::new(&config)?;
    let has_providers = providers.automatic(&config).is_some();
    let mail = Mail::new(&config)?;
    let has_mail = mail.is_some();
    let test_clock = config
        .test_clock
        .map(|start| Arc::new(TestClock::new(start)));
    let clock: Arc<dyn Clock> = match &test_clock {
        Some(clock) => Arc::<TestClock>::clone(clock),
        None => Arc::new(SystemClock),
    };
    let store = open::store(
        &config,
        providers.automatic(&config),
        delivery::renderer(Arc::clone(&clock)),
        clock::for_store(&clock),
    )
    .await?;
    let usage: Arc<dyn UsageStore> = Arc::<dyn Store>::clone(&store);
    let (writer, writing) = UsageWriter::start(&usage, config.db_writers, config.queue_records);
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).map_err(ServeError::failed)?;
    let services = routes::services(&pool, false);
    let (health, watching) = health::watch(Arc::clone(&store), services).await;
    let (stop, mut stopping) = watch::channel(false);
    // Only the handlers keep the writer: its queue ends with the last of them.
    let (grpc, webhooks) = {
        let app = App::new(
            Arc::clone(&store),
            writer,
            clock,
            Arc::clone(&config),
            providers,
            mail,
            stopping.clone(),
        );
        let sender = WebhookSender::new(config.webhook_addresses()).map_err(ServeError::failed)?;
        let relay = Relay::new(app.clone(), sender);
        Jobs::new(app.clone()).start(relay, stopping.clone());
        let grpc = api::routes(&app, config.max_message_bytes, test_clock);
        (grpc, payments::webhooks(app))
    };
    let grpc = grpc.add_service(health);
    let routes = routes::all(&config, &pool, grpc, verifier, store, webhooks)?;

    let socket = listen::open(socket)?;
    announce(&config, &socket, has_providers, has_mail)?;
    let incoming = TcpIncoming::from(socket).with_nodelay(Some(true));
    let serving = async {
        let router = server.add_routes(routes);
        let stopped = async { drop(stopping.wait_for(|stop| *stop).await) };
        router
            .serve_with_incoming_shutdown(incoming, stopped)
            .await?;
        // With the handlers the queue's senders are gone: what is left of it is committed.
        writing.finish().await;
        Ok::<_, tonic::transport::Error>(())
    };
    until_told_to_stop(serving, &stop, *config.shutdown_timeout).await?;
    watching.abort();
    tracing::info!("stopped");
    Ok(())
}

/// Reads the files of the listener's TLS.
///
/// # Errors
/// They cannot be used.
pub(crate) fn check(config: &Config) -> Result<(), ServeError> {
    server(config).map(drop)
}

fn server(config: &Config) -> Result<Server, ServeError> {
    let server = Server::builder()
        .accept_http1(true)
        .http2_keepalive_interval(Some(KEEPALIVE));
    let Some(files) = config.tls() else {
        return Ok(server);
    };
    let read = |key, path: &std::path::Path| {
        fs::read(path)
            .map_err(|error| ConfigError::new(key, format!("{}: {error}", path.display())))
    };
    let identity = Identity::from_pem(read("tls_cert", files.cert)?, read("tls_key", files.key)?);
    server
        .tls_config(ServerTlsConfig::new().identity(identity))
        .map_err(|error| ConfigError::new("tls_cert", error.to_string()).into())
}

/// Tells where the server is, and a newcomer what to do next.
fn announce(
    config: &Config,
    socket: &TcpListener,
    has_providers: bool,
    has_mail: bool,
) -> Result<(), ServeError> {
    tracing::info!(database = %config.database_url, "the database is open");
    let auto_topup = (!has_providers).then_some(api::NO_AUTO_TOPUP);
    let send_invoice_email = (!has_mail).then_some(api::NO_MAIL_SERVER);
    tracing::info!(
        auto_topup,
        send_invoice_email,
        "settings of users that take no effect yet"
    );
    tracing::info!(
        "get a token with: billing-server token --subject me --scope \"usage:write admin\""
    );
    let scheme = if config.tls().is_some() {
        "https"
    } else {
        "http"
    };
    let addr = socket.local_addr()?;
    stdout::line(format_args!("listening on {scheme}://{addr}"))?;
    Ok(())
}

/// Runs `serving` until it ends by itself or, once a signal has come, for at most `patience` more.
async fn until_told_to_stop(
    serving: impl Future<Output = Result<(), tonic::transport::Error>>,
    stop: &watch::Sender<bool>,
    patience: Duration,
) -> Result<(), ServeError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut serving = pin!(serving);
    tokio::select! {
        served = &mut serving => return served.map_err(ServeError::failed),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: calls in flight are finished first");
    stop.send_replace(true);
    match tokio::time::timeout(patience, serving).await {
        Ok(served) => served.map_err(ServeError::failed),
        Err(_) => {
            tracing::warn!("calls were still running when the shutdown timeout ended");
            Ok(())
        }
    }
}
