//! The courier in accelerated time, against receivers on real sockets: grouping, silence, rate, tries, giving up.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use workaday_alerts::Live;
use workaday_alerts::courier::Courier;
use workaday_alerts::pings::Pings;
use workaday_config::alerts::{Alerts, Kept, Route};
use workaday_config::kind::Rate;
use workaday_core::clock::{Length, Timestamp};
use workaday_store::{Delivery, Durability, OpenOptions, SqliteStore, Store, open_reader};

const START: Timestamp = Timestamp(1_800_000_000_000_000);

/// Answers every POST with `status` and keeps the path and the body.
#[derive(Clone)]
struct Receiver {
    port: u16,
    status: Arc<AtomicU16>,
    got: Arc<Mutex<Vec<(String, String)>>>,
}

impl Receiver {
    fn new() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let receiver = Receiver {
            port: listener.local_addr().expect("its address").port(),
            status: Arc::new(AtomicU16::new(200)),
            got: Arc::default(),
        };
        let kept = receiver.clone();
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| kept.answer(&stream)));
        receiver
    }

    fn answer(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        let mut head = vec![];
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                break;
            }
            head.push(line.trim().to_ascii_lowercase());
        }
        let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("the body");
        let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
        self.got.lock().expect("unpoisoned").push((path, String::from_utf8(body).expect("text")));
        let mut stream = stream;
        write!(stream, "HTTP/1.1 {} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", self.status.load(Ordering::SeqCst))
            .expect("an answer");
    }

    fn bodies(&self) -> Vec<serde_json::Value> {
        self.got.lock().expect("unpoisoned").iter().map(|(_, body)| serde_json::from_str(body).expect("JSON")).collect()
    }

    fn says(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }
}

struct World {
    _folder: tempfile::TempDir,
    path: PathBuf,
    store: SqliteStore,
    courier: Courier,
    now: Timestamp,
}

fn route(name: &str, receiver: &Receiver) -> Route {
    Route {
        name: name.into(),
        webhook: Some(Kept::Plain(format!("http://127.0.0.1:{}/{name}", receiver.port))),
        secret: None,
        email: None,
        on: vec![],
        group: Length::seconds(10),
        repeat_after: Length::hours(6),
        rate: Rate { count: 1_000, per: Length::hours(1) },
        all_clear: true,
    }
}

fn alerts(routes: Vec<Route>) -> Alerts {
    Alerts {
        routes,
        smtp: None,
        smtp_password: None,
        from: None,
        allow_http: true,
        allow_private: true,
        queue_latency: Length::minutes(10),
        disk_free: 0,
        wal_size: u64::MAX,
        public_url: None,
        app: None,
        root: PathBuf::from("/"),
    }
}

impl World {
    fn new(settings: Alerts) -> World {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("workaday.db");
        let store = SqliteStore::open(&path, OpenOptions::default()).expect("a store");
        let courier = Courier::open(&path, Live::new(settings)).expect("a courier");
        World { _folder: folder, path, store, courier, now: START }
    }

    fn write(&mut self, act: impl FnOnce(&mut SqliteStore, Timestamp)) {
        self.store.begin(Durability::Lazy).expect("begin");
        act(&mut self.store, self.now);
        self.store.commit().expect("commit");
    }

    fn raise(&mut self, code: &str, subject: &str) {
        self.write(|store, now| store.raise_alert(code, subject, &format!("{subject} went wrong"), now).expect("raised"));
    }

    fn close(&mut self, code: &str, subject: &str) {
        self.write(|store, now| store.close_alert(code, subject, now).expect("closed"));
    }

    /// Lets time pass and the courier look, once at the end.
    fn pass(&mut self, length: Length) {
        self.now = self.now + length;
        self.courier.run_once(self.now).expect("a round");
    }

    fn states(&self) -> Vec<(String, Delivery)> {
        let rows = open_reader(&self.path).expect("a reader").notices(false, None, 100).expect("notices");
        rows.into_iter().map(|row| (row.route, row.state)).collect()
    }

    fn open_alerts(&self) -> Vec<(String, String)> {
        let rows = open_reader(&self.path).expect("a reader").alerts(false, None, 100).expect("alerts");
        rows.into_iter().map(|row| (row.code, row.subject)).collect()
    }
}

#[test]
fn what_is_alike_within_the_window_is_one_notice_and_then_there_is_silence() {
    let receiver = Receiver::new();
    let mut world = World::new(alerts(vec![route("ops", &receiver)]));
    for _ in 0..3 {
        world.raise("job.discarded", "shop.report");
        world.pass(Length::seconds(1));
    }
    assert!(receiver.bodies().is_empty(), "it gathers");
    world.pass(Length::seconds(10));
    assert_eq!(receiver.bodies().len(), 1);
    assert_eq!(receiver.bodies()[0]["count"], 3);
    world.raise("job.discarded", "shop.report");
    world.raise("job.discarded", "shop.other");
    world.pass(Length(0));
    world.pass(Length::seconds(10));
    assert_eq!(receiver.bodies()[1]["subject"], "shop.other", "another matter does not wait");
    world.raise("job.discarded", "shop.report");
    world.pass(Length::hours(5));
    assert_eq!(receiver.bodies().len(), 2);
    world.pass(Length::hours(1));
    assert_eq!(
        (&receiver.bodies()[2]["subject"], &receiver.bodies()[2]["count"]),
        (&"shop.report".into(), &2.into()),
        "what came meanwhile is counted"
    );
}

#[test]
fn an_all_clear_ends_the_silence_and_a_matter_that_was_never_told_has_none() {
    let receiver = Receiver::new();
    let mut world = World::new(alerts(vec![route("ops", &receiver)]));
    world.raise("schedule.late", "shop.report");
    world.pass(Length(0));
    world.close("schedule.late", "shop.report");
    world.pass(Length::seconds(10));
    assert_eq!(receiver.bodies().len(), 1, "it happened, so it is told");
    assert!(receiver.bodies()[0]["closed_at"].is_string(), "and that it is over");
    world.raise("schedule.late", "shop.nightly");
    world.pass(Length(0));
    world.pass(Length::seconds(10));
    world.raise("schedule.late", "shop.nightly");
    world.pass(Length::seconds(1));
    world.close("schedule.late", "shop.nightly");
    world.pass(Length::seconds(1));
    assert_eq!(receiver.bodies()[2]["kind"], "closed");
    world.raise("schedule.late", "shop.nightly");
    world.pass(Length(0));
    world.pass(Length::seconds(10));
    assert_eq!(receiver.bodies()[3]["kind"], "raised", "raised again after an all-clear is news");
    assert_eq!(receiver.bodies().len(), 4);
}

#[test]
fn a_dead_receiver_is_tried_for_hours_given_up_and_told_to_the_others() {
    let (dead, alive) = (Receiver::new(), Receiver::new());
    dead.says(500);
    let mut world = World::new(alerts(vec![route("dead", &dead), route("alive", &alive)]));
    world.raise("job.discarded", "shop.report");
    world.pass(Length(0));
    world.pass(Length::seconds(10));
    assert_eq!((dead.bodies().len(), alive.bodies().len()), (1, 1), "one that is dead holds up nobody");
    for _ in 0..40 {
        world.pass(Length::minutes(30));
    }
    assert_eq!(dead.bodies().len(), 11, "the first try and ten more");
    assert!(dead.bodies().windows(2).all(|pair| pair[0]["id"] == pair[1]["id"]), "each under the same id");
    assert!(world.states().contains(&("dead:webhook".into(), Delivery::Failed)));
    assert!(world.open_alerts().contains(&("alert.undelivered".into(), "dead:webhook".into())));
    assert!(alive.bodies().iter().any(|body| body["code"] == "alert.undelivered"));
    dead.says(200);
    world.raise("job.quarantined", "shop.other");
    world.pass(Length(0));
    world.pass(Length::hours(9));
    assert_eq!(dead.bodies().last().expect("one more")["code"], "job.quarantined");
    assert!(!world.open_alerts().iter().any(|(code, _)| code == "alert.undelivered"), "it closes when something arrives");
}

#[test]
fn no_more_than_the_rate_goes_out_and_the_rest_waits() {
    let receiver = Receiver::new();
    let limited = Route { rate: Rate { count: 2, per: Length::hours(1) }, group: Length(0), ..route("ops", &receiver) };
    let mut world = World::new(alerts(vec![limited]));
    for number in 0..5 {
        world.raise("job.discarded", &format!("shop.task{number}"));
        world.pass(Length::seconds(1));
    }
    assert_eq!(receiver.bodies().len(), 2);
    world.pass(Length::hours(2));
    world.pass(Length::hours(2));
    world.pass(Length::hours(2));
    assert_eq!(receiver.bodies().len(), 5, "all of them, late");
}

#[test]
fn a_route_hears_what_it_asks_for_and_nothing_after_it_is_gone() {
    let receiver = Receiver::new();
    let late = Route { on: vec!["late".into(), "storage".into()], ..route("ops", &receiver) };
    let live = Live::new(alerts(vec![late]));
    let mut world = World::new(alerts(vec![]));
    world.courier = Courier::open(&world.path, live.clone()).expect("a courier");
    world.raise("job.discarded", "shop.report");
    world.raise("schedule.late", "shop.report");
    world.pass(Length(0));
    world.pass(Length::seconds(10));
    assert_eq!(receiver.bodies().iter().map(|body| body["code"].clone()).collect::<Vec<_>>(), ["schedule.late"]);
    world.raise("schedule.late", "shop.other");
    world.pass(Length(0));
    assert!(live.replace(alerts(vec![])));
    world.pass(Length::seconds(10));
    assert_eq!((receiver.bodies().len(), world.states()[0].1), (1, Delivery::Dropped));
}

#[test]
fn a_queue_that_waits_and_a_full_disk_are_raised_once_and_close_themselves() {
    let receiver = Receiver::new();
    let mut settings = alerts(vec![route("ops", &receiver)]);
    let live = Live::new(settings.clone());
    let mut world = World::new(settings.clone());
    world.courier = Courier::open(&world.path, live.clone()).expect("a courier");
    let id = workaday_core::job::JobId(uuid::Uuid::now_v7());
    world.write(|store, now| {
        let job = job(id, "shop.report", "mail", workaday_core::job::Lane::Sync, now);
        store.enqueue(&job, now).expect("stored");
    });
    world.pass(Length::minutes(9));
    assert!(world.open_alerts().is_empty());
    world.pass(Length::minutes(2));
    world.pass(Length::minutes(2));
    assert_eq!(world.open_alerts(), [("queue.latency".to_owned(), "mail".to_owned())]);
    assert_eq!(receiver.bodies()[0]["count"], 1, "once, however often it is looked at");
    world.write(|store, now| {
        let by = workaday_store::ByHand { who: "test".into(), why: None };
        store.cancel(id, &by, now).expect("cancelled");
    });
    (settings.disk_free, settings.wal_size) = (u64::MAX, 0);
    live.replace(settings.clone());
    world.pass(Length::minutes(1));
    let codes: Vec<String> = world.open_alerts().into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["storage.wal_large", "storage.disk_low"]);
    (settings.disk_free, settings.wal_size) = (0, u64::MAX);
    live.replace(settings);
    world.pass(Length::minutes(1));
    assert!(world.open_alerts().is_empty());
}

/// A command with a `ping` is claimed: its start is to be told.
fn claim_pinged(world: &mut World, receiver: &Receiver) -> String {
    let url = format!("http://127.0.0.1:{}/s3cret", receiver.port);
    let entry = serde_json::json!({"name": "command.backup", "kind": "command", "ping": url});
    let task: workaday_core::catalogue::TaskEntry = serde_json::from_value(entry).expect("an entry");
    let id = workaday_core::job::JobId(uuid::Uuid::now_v7());
    world.write(|store, now| {
        let json = serde_json::to_string(&task).expect("JSON");
        store.put_catalogue(&[(task.clone(), json)], &[], None, now).expect("a catalogue");
        let lane = workaday_core::job::Lane::Command;
        store.enqueue(&job(id, &task.name, "default", lane, now), now).expect("stored");
        let generation = store.next_generation().expect("a generation");
        let candidate = store.claimable(lane, "default", now, 1).expect("claimable").remove(0);
        let fence = store.claim(candidate.key, generation, None, now).expect("claimed").expect("a fence");
        store.ping_started(candidate.key, fence, now).expect("noted");
    });
    id.to_string()
}

fn job(id: workaday_core::job::JobId, task: &str, queue: &str, lane: workaday_core::job::Lane, now: Timestamp) -> workaday_store::NewJob {
    workaday_store::NewJob {
        id,
        task: task.into(),
        queue: queue.into(),
        priority: 0,
        lane,
        run_at: now,
        args: "{}".into(),
        expires_at: None,
        unique: None,
        tags: None,
        rerun_of: None,
        enqueued_release: None,
    }
}

#[test]
fn a_ping_that_never_arrives_is_given_up_and_raised() {
    let receiver = Receiver::new();
    receiver.says(404);
    let mut world = World::new(alerts(vec![]));
    let mut pings = Pings::open(&world.path, Live::new(alerts(vec![]))).expect("pings");
    claim_pinged(&mut world, &receiver);
    for _ in 0..10 {
        pings.run_once(world.now).expect("a round");
        world.now = world.now + Length::minutes(6);
    }
    assert_eq!(receiver.got.lock().expect("unpoisoned").len(), 7, "the first try and six more");
    let alerts = open_reader(&world.path).expect("a reader").alerts(false, None, 10).expect("alerts");
    assert_eq!((alerts[0].code.as_str(), alerts[0].subject.as_str()), ("ping.undelivered", "command.backup"));
    assert!(!alerts[0].message.contains("s3cret"), "{}", alerts[0].message);
}

#[test]
fn a_ping_never_overtakes_an_older_one_of_its_receiver() {
    let receiver = Receiver::new();
    receiver.says(503);
    let mut world = World::new(alerts(vec![]));
    let mut pings = Pings::open(&world.path, Live::new(alerts(vec![]))).expect("pings");
    let (first, second) = (claim_pinged(&mut world, &receiver), claim_pinged(&mut world, &receiver));
    pings.run_once(world.now).expect("a round");
    receiver.says(200);
    pings.run_once(world.now + Length::seconds(1)).expect("a round");
    assert_eq!(receiver.got.lock().expect("unpoisoned").len(), 1, "the second waits behind the first");
    assert_eq!(pings.run_once(world.now + Length::seconds(3)).expect("a round"), 2);
    let paths: Vec<String> = receiver.got.lock().expect("unpoisoned").iter().map(|(path, _)| path.clone()).collect();
    assert_eq!(paths, [&first, &first, &second].map(|id| format!("/s3cret/start?rid={id}")));
}

#[test]
fn a_notice_that_was_tried_says_the_same_again() {
    let receiver = Receiver::new();
    receiver.says(500);
    let mut world = World::new(alerts(vec![route("ops", &receiver)]));
    world.raise("job.discarded", "shop.report");
    world.pass(Length(0));
    world.pass(Length::seconds(10));
    world.raise("job.discarded", "shop.report");
    receiver.says(200);
    world.pass(Length::seconds(10));
    let bodies = receiver.bodies();
    assert_eq!((bodies.len(), &bodies[0]), (2, &bodies[1]), "what came between the tries is for the next notice");
    assert_eq!(bodies[1]["count"], 1);
}

#[test]
fn a_receiver_that_failed_rests_and_then_hears_all_in_order() {
    let receiver = Receiver::new();
    receiver.says(500);
    let mut world = World::new(alerts(vec![route("ops", &receiver)]));
    for subject in ["shop.one", "shop.two", "shop.three"] {
        world.raise("job.discarded", subject);
    }
    world.pass(Length(0));
    world.pass(Length::seconds(10));
    assert_eq!(receiver.bodies().len(), 1, "one try a round: each may cost the whole timeout");
    receiver.says(200);
    world.pass(Length::seconds(5));
    assert_eq!(receiver.bodies().len(), 1, "it rests");
    world.pass(Length::seconds(5));
    let subjects: Vec<_> = receiver.bodies().iter().map(|body| body["subject"].clone()).collect();
    assert_eq!(subjects, ["shop.one", "shop.one", "shop.two", "shop.three"]);
}
