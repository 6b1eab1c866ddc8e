fn main() {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let args: Vec<String> = std::env::args().collect();
    let root = std::env::current_dir().unwrap();
    let r = workaday_supervisor::up(workaday_supervisor::UpOptions {
        database: root.join(&args[1]),
        app: args[2].clone(),
        root,
        python: None,
        release: None,
        adopt: false,
        settings: Default::default(),
    });
    if let Err(p) = r {
        eprintln!("{p}");
        std::process::exit(1)
    }
}
