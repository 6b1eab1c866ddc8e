//! A connection that closes lingers: who is still sending reads the answer first.
//!
//! A body that is refused is not read whole. To close a socket with bytes unread makes the kernel reset it, and the client,
//! still sending, meets a broken pipe in place of the answer (RFC 9112, 9.6). So the sending half is closed first, and what
//! still comes is thrown away until the client closes, too, falls silent, or has had its share.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

/// Who sends nothing for this long has read the answer, or never will.
const SILENCE_MAX: Duration = Duration::from_secs(3);
/// The same once the program ends: a connection that is merely open must not hold it up.
const SILENCE_AT_END: Duration = Duration::from_millis(50);
/// A connection lingers for at most this long,
const LINGER_MAX: Duration = Duration::from_secs(10);
/// and takes at most so many bytes.
const LINGER_BYTES: usize = 64 << 20;
/// Bytes at once.
const SIP: usize = 16 * 1024;

/// A stream whose shutdown is complete once the other end can have read everything.
pub struct Lingering {
    stream: TcpStream,
    /// The program ends.
    ended: watch::Receiver<bool>,
    close: Option<Close>,
}

/// The sending half is closed.
struct Close {
    until: Instant,
    silence_max: Duration,
    silence: Pin<Box<Sleep>>,
    left: usize,
}

impl Lingering {
    pub const fn new(stream: TcpStream, ended: watch::Receiver<bool>) -> Self {
        Self { stream, ended, close: None }
    }

    fn half(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.stream)
    }
}

impl AsyncRead for Lingering {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.half().poll_read(context, buffer)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.half().poll_write(context, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.half().poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.half().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, ended, close } = &mut *self;
        let close = if let Some(close) = close {
            close
        } else {
            ready!(Pin::new(&mut *stream).poll_shutdown(context))?;
            let now = Instant::now();
            let silence_max = if *ended.borrow() { SILENCE_AT_END } else { SILENCE_MAX };
            let silence = Box::pin(tokio::time::sleep(silence_max));
            close.insert(Close { until: now + LINGER_MAX, silence_max, silence, left: LINGER_BYTES })
        };
        let mut sip = [0_u8; SIP];
        loop {
            let mut buffer = ReadBuf::new(&mut sip);
            match Pin::new(&mut *stream).poll_read(context, &mut buffer) {
                // A reset: nobody reads any more. What was to be said was said.
                Poll::Ready(Err(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) => {
                    let now = Instant::now();
                    let came = buffer.filled().len();
                    close.left = close.left.saturating_sub(came);
                    if came == 0 || close.left == 0 || now >= close.until {
                        return Poll::Ready(Ok(()));
                    }
                    close.silence.as_mut().reset((now + close.silence_max).min(close.until));
                }
                Poll::Pending => return close.silence.as_mut().poll(context).map(Ok),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// One connection: `serve` has our end, `client` the other, in a thread of its own.
    fn connect<T: Send + 'static>(
        ended: bool,
        serve: impl AsyncFnOnce(&mut Lingering),
        client: impl FnOnce(std::net::TcpStream) -> T + Send + 'static,
    ) -> T {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = std::thread::spawn(move || client(std::net::TcpStream::connect(address).unwrap()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (stream, _) = listener.accept().unwrap();
            stream.set_nonblocking(true).unwrap();
            let mut lingering = Lingering::new(TcpStream::from_std(stream).unwrap(), watch::channel(ended).1);
            serve(&mut lingering).await;
        });
        client.join().unwrap()
    }

    async fn refuse(stream: &mut Lingering) {
        let mut head = [0; 4];
        stream.read_exact(&mut head).await.unwrap();
        stream.write_all(b"no").await.unwrap();
        stream.shutdown().await.unwrap();
    }

    #[test]
    fn who_is_still_sending_reads_the_answer() {
        let answer = connect(false, refuse, |mut client| {
            client.write_all(&[0; 8]).unwrap();
            // The refusal is there, and the sending half of the other end closed, before the rest goes out.
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            client.write_all(&vec![0; 8 << 20]).expect("somebody takes the rest");
            client.shutdown(Shutdown::Write).expect("the connection was not reset");
            answer
        });
        assert_eq!(answer, "no");
    }

    #[test]
    fn who_falls_silent_is_let_go() {
        let (gone, is_gone) = std::sync::mpsc::channel::<()>();
        let serve = async move |stream: &mut Lingering| {
            refuse(stream).await;
            gone.send(()).unwrap();
        };
        // The client holds its end until ours is done.
        connect(false, serve, move |mut client| {
            client.write_all(&[0; 4]).unwrap();
            is_gone.recv().expect("the shutdown ends without the client");
        });
    }

    #[test]
    fn who_is_merely_open_does_not_hold_up_the_end() {
        let quickest = (0..3).map(|_| {
            let (gone, is_gone) = std::sync::mpsc::channel::<Duration>();
            let serve = async move |stream: &mut Lingering| {
                let began = Instant::now();
                stream.shutdown().await.unwrap();
                gone.send(began.elapsed()).unwrap();
            };
            connect(true, serve, move |client| is_gone.recv().inspect(|_| drop(client)).unwrap())
        });
        assert!(quickest.min().unwrap() < SILENCE_MAX / 2);
    }

    #[test]
    fn who_sends_for_ever_is_cut_off() {
        let sent = connect(false, refuse, |mut client| {
            let chunk = vec![0; 1 << 20];
            let mut sent = 0_usize;
            while client.write_all(&chunk).is_ok() {
                sent += chunk.len();
            }
            sent
        });
        // What was sent beyond the share lay in the kernel's buffers.
        assert!(sent < 2 * LINGER_BYTES, "{sent} bytes were taken");
    }
}
