//! Host names and ports, as this machine finds them: looked up and dialled at intervals, since nobody tells of them.

use super::super::Host;
use crate::cluster::layers::journal::{Note, now};
use crate::engine::{Call, Outcome};
use crate::failure::{Failure, Kind, Result};
use rhai::Dynamic;
use std::net::IpAddr;
use std::time::Duration;

/// How long a host may take to resolve or to answer.
pub(super) const HOST_TIMEOUT: Duration = Duration::from_secs(60);
/// The pause between two tries.
const AGAIN: Duration = Duration::from_secs(1);
/// How long one try may take: a packet may be lost.
const TRY: Duration = Duration::from_secs(5);

/// What was not there in time, and what was found at the last try.
pub(super) struct Late {
    pub limit: Duration,
    pub why: String,
}

pub(super) fn resolved(call: &Call<'_, Host>) -> Outcome {
    let host = call.str(0);
    let limit = call.options().duration("timeout")?.unwrap_or(HOST_TIMEOUT);
    let found = resolve(call, &host, limit)?.map_err(|late| {
        Failure::new(Kind::Timeout, format!("{host} does not resolve from this machine: {}", late.why))
            .hint("where only the clusters know the name, give the address itself")
    })?;
    Ok(Dynamic::from_array(found.into_iter().map(Dynamic::from).collect()))
}

pub(super) fn reachable(call: &Call<'_, Host>) -> Outcome {
    let (host, port) = (call.str(0), call.int(1));
    let wrong = || Failure::usage(format!("{port} is no port: 1 to 65535"));
    let port = u16::try_from(port).ok().filter(|port| *port > 0).ok_or_else(wrong)?;
    let limit = call.options().duration("timeout")?.unwrap_or(HOST_TIMEOUT);
    connect(call, &host, port, limit)?.map_err(|late| {
        let message = format!("{host}:{port} cannot be reached from this machine: {}", late.why);
        let failure = Failure::new(Kind::Timeout, message);
        if call.host().rehearsed { failure.hint(REHEARSED) } else { failure }
    })?;
    Ok(Dynamic::UNIT)
}

/// What to do about hosts that a rehearsal does not have.
const REHEARSED: &str =
    "a rehearsal connects to nothing outside its clusters: where a script waits for more, ask `run.rehearsed()` first";

/// The addresses of a host, as soon as its name resolves; an address is its own.
pub(super) fn resolve(call: &Call<'_, Host>, host: &str, limit: Duration) -> Result<Result<Vec<String>, Late>> {
    if host.parse::<IpAddr>().is_ok() {
        return Ok(Ok(vec![host.to_owned()]));
    }
    call.host().grants.may_dial(host, None)?;
    tried(call, &format!("{host} resolves"), limit, async || {
        if let Some(known) = call.host().clusters.resolve(host) {
            return Ok(known);
        }
        let found = tokio::net::lookup_host((host, 0)).await.map_err(|e| e.to_string())?;
        Ok(in_order(found.map(|address| address.ip()).collect()))
    })
}

/// Name servers answer in any order; scripts that run again shall find the same first one, of IPv4 where there is one.
fn in_order(mut found: Vec<IpAddr>) -> Vec<String> {
    found.sort_unstable();
    found.dedup();
    found.iter().map(IpAddr::to_string).collect()
}

/// Waits until a port of a host accepts a connection.
pub(super) fn connect(call: &Call<'_, Host>, host: &str, port: u16, limit: Duration) -> Result<Result<(), Late>> {
    call.host().grants.may_dial(host, Some(port))?;
    tried(call, &format!("{host}:{port} accepts connections"), limit, async || {
        // What the run itself has opened is a port of this machine, in a rehearsal too; until it is closed.
        let is_own = call.host().grants.has_opened(host, port);
        if let Some(known) = call.host().clusters.dial(host, port).filter(|_| !is_own) {
            return known;
        }
        tokio::net::TcpStream::connect((host, port)).await.map(drop).map_err(|e| e.to_string())
    })
}

/// Tries until it works, or until the time is over.
fn tried<T>(
    call: &Call<'_, Host>,
    what: &str,
    limit: Duration,
    once: impl AsyncFn() -> Result<T, String>,
) -> Result<Result<T, Late>> {
    let (clock, line) = (call.bridge().clock.clone(), crate::here::line());
    let (start, limit) = (clock.now(), call.at_most(limit));
    let outcome = call.block(async {
        loop {
            let left = limit.saturating_sub(clock.now().saturating_sub(start));
            let found = clock.timeout(TRY.min(left.max(AGAIN)), once()).await;
            let why = match found.unwrap_or_else(|| Err("no answer".into())) {
                Ok(found) => return Ok(Ok(found)),
                Err(why) => why,
            };
            let left = limit.saturating_sub(clock.now().saturating_sub(start));
            if left.is_zero() {
                return Ok(Err(Late { limit, why }));
            }
            clock.sleep(AGAIN.min(left)).await;
        }
    });
    let ms = u64::try_from(clock.now().saturating_sub(start).as_millis()).unwrap_or(u64::MAX);
    let met = matches!(outcome, Ok(Ok(_)));
    call.host().journal.note(&Note::Wait { time: now(), what: what.to_owned(), ms, met, line });
    outcome
}

#[cfg(test)]
mod tests {
    use super::in_order;

    #[test]
    fn addresses_come_in_one_order_and_each_once() {
        let found = ["2600:1f14::1", "52.1.1.1", "3.1.1.1", "52.1.1.1"].map(|text| text.parse().expect("address"));
        assert_eq!(in_order(found.to_vec()), ["3.1.1.1", "52.1.1.1", "2600:1f14::1"]);
    }
}
