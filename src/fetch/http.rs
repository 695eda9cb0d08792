//! One question to a server: redirects, proxies and certificates of the environment, ranges, and what the answer says of itself.
//!
//! Nothing here is tried twice (`download` does that) and no status is an error. Redirects are followed by hand, because the hub of
//! Hugging Face states commit and checksum on the answer that redirects.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderMap, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::digest::Sum;
use super::error::FetchError;

/// Longest silence of a server, in seconds.
const SILENCE_SECS: u64 = 30;
const MOST_REDIRECTS: usize = 10;

/// Another server that has the same files under the same paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror(String);

impl Mirror {
    /// `http[s]://HOST[:PORT][/PREFIX]`.
    ///
    /// # Errors
    /// It is nothing like that.
    pub fn parse(given: &str) -> Result<Self, FetchError> {
        let wrong = || FetchError::Mirror { given: given.to_owned() };
        let (scheme, rest) = given.split_once("://").ok_or_else(wrong)?;
        let host = rest.split('/').next().unwrap_or_default();
        let sound = matches!(scheme, "http" | "https")
            && !host.is_empty()
            && !rest.contains(|c: char| c.is_whitespace() || c == '?' || c == '#');
        sound.then(|| Mirror(given.trim_end_matches('/').to_owned())).ok_or_else(wrong)
    }

    /// The same file here.
    fn instead_of(&self, url: &str) -> String {
        format!("{}{}", self.0, &url[origin(url).len()..])
    }
}

/// A client for one process.
pub(super) struct Http {
    agent: Agent,
    mirror: Option<Mirror>,
}

/// From where on a file is wanted, and the version of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest<'a> {
    pub start: u64,
    /// A strong `ETag`, or a date, that the rest must belong to.
    pub validator: Option<&'a str>,
}

/// What a server answered.
pub(super) struct Answer {
    pub status: u16,
    /// The address that answered in the end.
    pub url: String,
    /// First byte of what is sent.
    pub start: u64,
    /// Length of the whole file, where it is said.
    pub total_bytes: Option<u64>,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    /// Seconds to wait, where the server asks for it.
    pub retry_after_secs: Option<u64>,
    /// The commit that a hub says the file is of.
    pub commit: Option<String>,
    /// The checksum that a hub states.
    pub stated: Option<Sum>,
    pub body: Box<dyn Read + Send>,
}

impl Http {
    /// A client that asks `mirror`, where one is given, instead of whom an address names.
    pub(super) fn new(mirror: Option<Mirror>) -> Self {
        let patience = Some(Duration::from_secs(SILENCE_SECS));
        let mut tls = TlsConfig::builder();
        if let Some(certificates) = certificates() {
            tls = tls.root_certs(RootCerts::Specific(Arc::new(certificates)));
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // The bytes as they lie there: a transport encoding would spoil lengths and ranges.
            .accept_encoding("identity")
            .user_agent(concat!("runner/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(patience)
            .timeout_connect(patience)
            .timeout_recv_response(patience)
            .timeout_per_read(patience)
            .tls_config(tls.build())
            .build()
            .new_agent();
        Http { agent, mirror }
    }

    /// The address that is asked for the file of `url`.
    pub(super) fn address(&self, url: &str) -> String {
        self.mirror.as_ref().map_or_else(|| url.to_owned(), |mirror| mirror.instead_of(url))
    }

    /// Through whom an address is talked to, as the end of a sentence; nothing where directly.
    fn by_way_of(&self, url: &str) -> String {
        let used = url
            .parse::<Uri>()
            .ok()
            .and_then(|uri| self.agent.config().proxy().filter(|proxy| !proxy.is_no_proxy(&uri)));
        used.map(|proxy| format!(" (by way of the proxy {}:{})", proxy.host(), proxy.port()))
            .unwrap_or_default()
    }

    /// Asks for a file.
    ///
    /// # Errors
    /// Why no answer came, in words.
    pub(super) fn get(&self, address: &str, rest: Rest<'_>) -> Result<Answer, String> {
        let mut url = address.to_owned();
        let (mut commit, mut stated) = (None, None);
        for _ in 0..=MOST_REDIRECTS {
            let mut request = self.agent.get(&url);
            if rest.start > 0 {
                request = request.header("Range", format!("bytes={}-", rest.start));
                if let Some(validator) = rest.validator {
                    request = request.header("If-Range", validator);
                }
            }
            let response = request.call().map_err(|error| in_words(&error) + &self.by_way_of(&url))?;
            let (parts, body) = response.into_parts();
            let headers = &parts.headers;
            commit = commit.or_else(|| text(headers, "x-repo-commit"));
            stated = stated.or_else(|| stated_sum(headers));
            let status = parts.status.as_u16();
            if matches!(status, 301 | 302 | 303 | 307 | 308) {
                let to = text(headers, "location").ok_or("it redirects without saying where to")?;
                let next = join(&url, &to);
                if url.starts_with("https://") && !next.starts_with("https://") {
                    return Err(format!("it redirects to {}, which is not encrypted", origin(&next)));
                }
                url = next;
                continue;
            }
            let (start, total_bytes) = span(status, headers);
            return Ok(Answer {
                status,
                url,
                start,
                total_bytes,
                etag: text(headers, "etag"),
                last_modified: text(headers, "last-modified"),
                retry_after_secs: text(headers, "retry-after").and_then(|secs| secs.trim().parse().ok()),
                commit,
                stated,
                body: Box::new(body.into_reader()),
            });
        }
        Err(format!("it redirects more than {MOST_REDIRECTS} times"))
    }
}

/// The certificates of `SSL_CERT_FILE`, as curl and OpenSSL read it: those of a proxy that looks into connections.
fn certificates() -> Option<Vec<Certificate<'static>>> {
    let pem = std::fs::read(std::env::var_os("SSL_CERT_FILE")?).ok()?;
    let found = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let found: Vec<_> = found.collect();
    (!found.is_empty()).then_some(found)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// What a hub says the file's checksum is: for large files beside the redirect, for small ones as their `ETag`.
fn stated_sum(headers: &HeaderMap) -> Option<Sum> {
    let linked = text(headers, "x-linked-etag").and_then(|etag| Sum::from_etag(&etag));
    let own = || text(headers, "x-repo-commit").and_then(|_| Sum::from_etag(&text(headers, "etag")?));
    linked.or_else(own)
}

/// Where the body begins in the file, and the file's length.
fn span(status: u16, headers: &HeaderMap) -> (u64, Option<u64>) {
    let length = || text(headers, "content-length").and_then(|length| length.trim().parse().ok());
    if status != 206 {
        return (0, length());
    }
    // bytes FIRST-LAST/TOTAL
    let range = text(headers, "content-range").unwrap_or_default();
    let Some((span, total)) = range.trim_start_matches("bytes").trim().split_once('/') else {
        return (u64::MAX, None);
    };
    let start = span.split('-').next().and_then(|start| start.trim().parse().ok());
    (start.unwrap_or(u64::MAX), total.trim().parse().ok())
}

/// `scheme://host[:port]` of an address.
fn origin(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url[after_scheme..].find(['/', '?', '#']).map_or(url.len(), |at| after_scheme + at);
    &url[..end]
}

/// The address that a `Location` means, seen from `url`.
fn join(url: &str, to: &str) -> String {
    let scheme = url.split("://").next().unwrap_or("https");
    if to.starts_with("https://") || to.starts_with("http://") {
        to.to_owned()
    } else if to.starts_with("//") {
        format!("{scheme}:{to}")
    } else if to.starts_with('/') {
        format!("{}{to}", origin(url))
    } else {
        let path = url.split(['?', '#']).next().unwrap_or(url);
        let folder = path.rfind('/').filter(|at| *at >= origin(url).len()).map_or(path, |at| &path[..at]);
        format!("{folder}/{to}")
    }
}

fn in_words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::HostNotFound => "its name is unknown here; is there a network?".into(),
        ureq::Error::ConnectionFailed => "it cannot be connected to; is there a network?".into(),
        ureq::Error::Timeout(_) => format!("it was silent for {SILENCE_SECS} s"),
        ureq::Error::Io(error) => match error.kind() {
            std::io::ErrorKind::ConnectionRefused => "it refuses connections".into(),
            // The standard library has no kind for it.
            _ if error.to_string().contains("lookup address") => in_words(&ureq::Error::HostNotFound),
            _ => format!("the connection failed: {error}"),
        },
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_where_browsers_go() {
        let url = "https://a.org:8080/one/two.zip?x=1";
        assert_eq!(join(url, "http://b.org/c"), "http://b.org/c");
        assert_eq!(join(url, "//b.org/c"), "https://b.org/c");
        assert_eq!(join(url, "/c?d"), "https://a.org:8080/c?d");
        assert_eq!(join(url, "c"), "https://a.org:8080/one/c");
        assert_eq!(join("https://a.org", "c"), "https://a.org/c");
    }

    #[test]
    fn a_mirror_stands_for_scheme_and_host() {
        let mirror = Mirror::parse("http://127.0.0.1:99/openslr/").unwrap();
        assert_eq!(mirror.instead_of("https://a.org/r/12/x.gz"), "http://127.0.0.1:99/openslr/r/12/x.gz");
        for wrong in ["a.org", "ftp://a.org", "https://", "https://a b", "https://a/?q"] {
            assert_eq!(
                Mirror::parse(wrong).unwrap_err().to_string(),
                format!("`{wrong}` is no address of a mirror")
            );
        }
    }

    #[test]
    fn ranges_are_read_and_nonsense_is_none() {
        let headers = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            headers
        };
        assert_eq!(span(206, &headers("content-range", "bytes 5-9/10")), (5, Some(10)));
        assert_eq!(span(206, &headers("content-range", "bytes 5-9/*")), (5, None));
        assert_eq!(span(206, &headers("content-range", "pages 5")), (u64::MAX, None));
        assert_eq!(span(206, &HeaderMap::new()), (u64::MAX, None));
        assert_eq!(span(200, &headers("content-length", "10")), (0, Some(10)));
        assert_eq!(span(200, &headers("content-length", "ten")), (0, None));
    }
}
