//! Accepts connections and ends gracefully. Strangers are bounded: connections, headers, time.

use crate::counts;
use crate::front;
use crate::linger::Lingering;
use crate::listen::{self, Sign};
use crate::options::Options;
use crate::window::Window;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// The head of a request has to come within this time, and so does the next one on an open connection.
const HEAD_PATIENCE: Duration = Duration::from_secs(15);
/// A client that takes nothing for this long is let go.
const WRITE_PATIENCE_MS: u32 = 30_000;
const HEAD_BYTES_MAX: usize = 32 * 1024;
const HEADERS_MAX: usize = 64;
/// Requests that read or write the store at once; more wait.
const THREADS: usize = 3;
/// How often everything that has ended is counted anew.
const RECOUNT_EVERY: Duration = Duration::from_secs(600);
/// Open requests may end within this time once we are asked to stop.
const END_PATIENCE: Duration = Duration::from_millis(1_500);

/// Serves until `stop` says so. `stop` waits for at most that long and is asked from a thread of its own.
pub fn run(options: Options, stop: impl Fn(Duration) -> bool + Send + 'static) -> Result<(), String> {
    let listener = listen::listen(&options)?;
    let address = listener.local_addr().map_err(|error| format!("the port cannot be told: {error}"))?;
    let shown = if address.ip().is_unspecified() { format!("127.0.0.1:{}", address.port()) } else { address.to_string() };
    let url = options.public_url.clone().unwrap_or_else(|| format!("http://{shown}"));
    let _sign = Sign::put(&options.database, &url).map_err(|error| format!("the sign beside the store cannot be written: {error}"))?;
    tracing::info!(%url, "the dashboard is at {url}, listening on {address}; `workaday open` prints a login link");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(THREADS)
        .thread_keep_alive(Duration::from_secs(10))
        .thread_name("window")
        .build()
        .map_err(|error| format!("its loop cannot be started: {error}"))?;
    let (ending, ended) = watch::channel(false);
    std::thread::Builder::new()
        .name("window stop".into())
        .spawn(move || {
            while !stop(Duration::from_secs(3_600)) && !ending.is_closed() {}
            let _ = ending.send(true);
        })
        .map_err(|error| format!("a thread cannot be started: {error}"))?;
    let window = Arc::new(Window::new(options, address.port()));
    runtime.block_on(accept(listener, window, ended)).map_err(|error| format!("connections cannot be accepted: {error}"))?;
    runtime.shutdown_timeout(Duration::from_millis(300));
    Ok(())
}

/// Returns once we are asked to stop.
async fn end(ended: &mut watch::Receiver<bool>) {
    let _ = ended.wait_for(|ended| *ended).await;
}

async fn accept(listener: std::net::TcpListener, window: Arc<Window>, mut ended: watch::Receiver<bool>) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let router = front::router(&window);
    tokio::spawn(recount(Arc::clone(&window)));
    let most = window.options.connections;
    let seats = Arc::new(Semaphore::new(most));
    loop {
        // A seat first: beyond the limit, connections wait in the kernel's own queue.
        let seat = tokio::select! {
            seat = Arc::clone(&seats).acquire_owned() => seat.map_err(std::io::Error::other)?,
            () = end(&mut ended) => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // Out of descriptors, or the client was gone: neither ends the window. A rest, since without descriptors
                // the next try fails at once.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = end(&mut ended) => break,
        };
        prepare(&stream);
        let (window, router, mut ended) = (Arc::clone(&window), router.clone(), ended.clone());
        tokio::spawn(async move {
            let _seat = seat;
            let answer = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let (window, router) = (Arc::clone(&window), router.clone());
                async move { Ok::<_, Infallible>(front::serve(window, router, peer.ip(), request.map(axum::body::Body::new)).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_PATIENCE)
                .max_headers(HEADERS_MAX)
                .max_header_size(HEAD_BYTES_MAX)
                .serve_connection(TokioIo::new(Lingering::new(stream, ended.clone())), answer);
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                done = connection.as_mut() => {
                    if let Err(error) = done {
                        tracing::trace!(%error, "a connection ended early");
                    }
                }
                () = end(&mut ended) => {
                    connection.as_mut().graceful_shutdown();
                    let _ = tokio::time::timeout(END_PATIENCE, connection).await;
                }
            }
        });
    }
    drop(listener);
    // Streams never end by themselves: after the patience they are cut.
    let _ = tokio::time::timeout(END_PATIENCE, seats.acquire_many(u32::try_from(most).unwrap_or(u32::MAX))).await;
    Ok(())
}

/// Before the first visitor asks, and now and then.
async fn recount(window: Arc<Window>) {
    loop {
        let counting = Arc::clone(&window);
        // A panic has been logged where it happened; the next turn tries anew.
        let _ = tokio::task::spawn_blocking(move || counts::recount(&counting)).await;
        tokio::time::sleep(RECOUNT_EVERY).await;
    }
}

fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    // The kernel ends a connection whose other end takes nothing, also with a window of zero.
    let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, WRITE_PATIENCE_MS);
}
