//! No form of an inner address is posted to: each is resolved as the system does it, and refused before a connection.

use std::io::{Read, Write};
use std::net::TcpListener;
use workaday_alerts::post::{Allowed, post};

#[test]
fn no_form_of_this_machine_is_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("non-blocking");
    let port = listener.local_addr().expect("its address").port();
    let allowed = Allowed { http: true, private: false };
    for host in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.2",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[0:0:0:0:0:0:0:1]",
        "user:pass@127.0.0.1",
        "good.example@127.0.0.1",
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "10.0.0.1",
        "192.168.0.1",
        "[fd12::1]",
        "[64:ff9b::7f00:1]",
    ] {
        let refused = post(&format!("http://{host}:{port}/s3cret"), &[], b"{}", allowed).expect_err(host);
        // What the resolver itself does not take is refused as well, in its own words.
        assert!(!refused.contains("answered") && !refused.contains("s3cret") && !refused.contains("no answer"), "{host}: {refused}");
    }
    assert!(listener.accept().is_err(), "nobody came");
}

#[test]
fn only_web_addresses_are_posted_to() {
    for url in [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "//example.com",
        "",
        "https:/x",
        "HTTP://example.com",
    ] {
        assert!(post(url, &[], b"", Allowed::default()).is_err(), "{url}");
    }
}

#[test]
fn a_large_body_and_an_endless_answer_are_cut() {
    let allowed = Allowed { http: true, private: true };
    assert!(post("http://127.0.0.1:1/", &[], &vec![b'x'; 70_000], allowed).expect_err("too large").contains("more than 65536"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("its address"));
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a caller");
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
        // Goes on until the caller hangs up.
        while stream.write_all(&[b'x'; 65_536]).is_ok() {}
    });
    assert_eq!(post(&url, &[], b"{}", allowed).map(|answer| answer.status), Ok(200));
}

#[test]
fn a_path_that_the_receiver_says_back_is_not_kept() {
    let allowed = Allowed { http: true, private: true };
    for (status, body) in [
        ("404 Not Found", "Cannot POST /services/T0AB12/s3cret-of-ours?key=abcdef12"),
        ("200 OK", "{\"path\": [\"services\", \"T0AB12\", \"s3cret-of-ours\"], \"key\": \"abcdef12\"}"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/services/T0AB12/s3cret-of-ours?key=abcdef12", listener.local_addr().expect("its address"));
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a caller");
            let _ = stream.read(&mut [0; 4096]);
            stream.write_all(answer.as_bytes()).expect("an answer");
        });
        let said = post(&url, &[], b"{}", allowed).map_or_else(|error| error, |answer| answer.text);
        server.join().expect("the server");
        assert!(!said.is_empty() && ["s3cret", "abcdef12", "T0AB12"].iter().all(|secret| !said.contains(secret)), "{said}");
    }
}
