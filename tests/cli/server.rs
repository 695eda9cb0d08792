//! A server on this machine that misbehaves as told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What somebody asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub path: String,
    /// First byte wanted.
    pub start: Option<usize>,
    pub if_range: Option<String>,
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// `Content-Length`, where it is not the body's.
    announced: Option<usize>,
    /// No length at all; the connection's end is the body's.
    endless: bool,
    ranges: bool,
    /// Bytes after which the connection breaks off.
    breaks_after: Option<usize>,
    /// The connection stays open and silent after the body.
    hangs: bool,
}

impl Reply {
    /// A file, as servers should send it.
    pub fn file(body: &[u8]) -> Self {
        Reply {
            status: 200,
            headers: Vec::new(),
            body: body.to_vec(),
            announced: None,
            endless: false,
            ranges: true,
            breaks_after: None,
            hangs: false,
        }
    }

    pub fn status(status: u16) -> Self {
        Reply { status, ..Reply::file(b"no") }
    }

    pub fn redirect(to: &str) -> Self {
        Reply::status(302).header("Location", to)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn etag(self, etag: &str) -> Self {
        self.header("ETag", etag)
    }

    pub fn announcing(mut self, bytes: usize) -> Self {
        self.announced = Some(bytes);
        self
    }

    pub fn endless(mut self) -> Self {
        self.endless = true;
        self
    }

    pub fn without_ranges(mut self) -> Self {
        self.ranges = false;
        self
    }

    pub fn breaking_after(mut self, bytes: usize) -> Self {
        self.breaks_after = Some(bytes);
        self
    }

    pub fn hanging(mut self) -> Self {
        self.hangs = true;
        self
    }

    fn own_etag(&self) -> Option<&str> {
        self.headers.iter().find(|(name, _)| name == "ETag").map(|(_, value)| value.as_str())
    }

    fn send(&self, asked: &Asked, to: &mut TcpStream) -> std::io::Result<()> {
        let same = asked.if_range.as_deref().is_none_or(|tag| Some(tag) == self.own_etag());
        let start = asked.start.filter(|_| self.ranges && same && self.status == 200);
        if start.is_some_and(|start| start >= self.body.len()) {
            return write!(to, "HTTP/1.1 416 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
        let body = &self.body[start.unwrap_or(0)..];
        write!(to, "HTTP/1.1 {} X\r\nConnection: close\r\n", start.map_or(self.status, |_| 206))?;
        if let Some(start) = start {
            let (last, all) = (self.body.len() - 1, self.announced.unwrap_or(self.body.len()));
            write!(to, "Content-Range: bytes {start}-{last}/{all}\r\n")?;
        }
        if !self.endless {
            let skipped = start.unwrap_or(0);
            write!(to, "Content-Length: {}\r\n", self.announced.map_or(body.len(), |all| all - skipped))?;
        }
        for (name, value) in &self.headers {
            write!(to, "{name}: {value}\r\n")?;
        }
        write!(to, "\r\n")?;
        to.write_all(&body[..self.breaks_after.unwrap_or(body.len()).min(body.len())])?;
        to.flush()?;
        if self.hangs {
            std::thread::sleep(Duration::from_secs(20));
        }
        to.shutdown(Shutdown::Write)
    }
}

type Script = Vec<Reply>;

/// Answers each path by its script: the first time its first reply, and so on; the last one for ever.
pub struct Server {
    pub url: String,
    scripts: Arc<Mutex<BTreeMap<String, Script>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Server { url, scripts: Arc::default(), asked: Arc::default() };
        let (scripts, asked) = (server.scripts.clone(), server.asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (scripts, asked) = (scripts.clone(), asked.clone());
                std::thread::spawn(move || _ = answer(stream, &scripts, &asked));
            }
        });
        server
    }

    pub fn at(&self, path: &str, replies: impl IntoIterator<Item = Reply>) -> &Self {
        self.scripts.lock().unwrap().insert(path.into(), replies.into_iter().collect());
        self
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// From which byte on each question wanted its file.
    pub fn starts(&self) -> Vec<usize> {
        self.asked().iter().map(|asked| asked.start.unwrap_or(0)).collect()
    }
}

fn answer(
    mut stream: TcpStream,
    scripts: &Mutex<BTreeMap<String, Script>>,
    all: &Mutex<Vec<Asked>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut asked =
        Asked { path: first.split(' ').nth(1).unwrap_or_default().to_owned(), ..Asked::default() };
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "range" => {
                let start = value.trim().trim_start_matches("bytes=").trim_end_matches('-');
                asked.start = start.parse().ok();
            }
            "if-range" => asked.if_range = Some(value.trim().into()),
            _ => {}
        }
    }
    all.lock().unwrap().push(asked.clone());
    let reply = {
        let mut scripts = scripts.lock().unwrap();
        match scripts.get_mut(&asked.path) {
            Some(script) if script.len() > 1 => script.remove(0),
            Some(script) => script[0].clone(),
            None => Reply::status(404),
        }
    };
    reply.send(&asked, &mut stream)
}
