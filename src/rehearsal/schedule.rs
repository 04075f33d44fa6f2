//! When CronJobs are due: five fields, a name such as `@hourly`, or `@every` so often, as `robfig/cron` reads them.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _, Zoned};

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Schedule {
    /// Moments of the calendar.
    Fields(Fields),
    /// From each moment to the next.
    Every(SignedDuration),
}

/// Which minutes, hours, days, months and weekdays are meant, as bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether a day must be right by its number and by its name, because one of both is `*`.
    both: bool,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Years that are looked ahead: `30 2` never comes.
const AHEAD: i16 = 5;

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// What is wrong with it, in the words of Kubernetes.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        if let Some(often) = text.strip_prefix("@every ") {
            return every(often)
                .map(Schedule::Every)
                .map_err(|e| format!("failed to parse duration {text}: time: {e}"));
        }
        let named = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            _ if text.starts_with('@') => return Err(format!("unrecognized descriptor: {text}")),
            _ => text,
        };
        let fields: Vec<&str> = named.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            let found = fields.join(" ");
            return Err(format!("expected exactly 5 fields, found {}: [{found}]", fields.len()));
        };
        Ok(Schedule::Fields(Fields {
            minutes: field(minutes, 0, 59, &[])?,
            hours: field(hours, 0, 23, &[])?,
            days: field(days, 1, 31, &[])?,
            months: field(months, 1, 12, &MONTHS)?,
            weekdays: field(weekdays, 0, 6, &WEEKDAYS)?,
            both: is_starred(days) || is_starred(weekdays),
        }))
    }

    /// The first moment after this one.
    pub fn after(&self, time: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Schedule::Fields(fields) => fields.after(time, zone),
            Schedule::Every(often) => Timestamp::from_second(time.checked_add(*often).ok()?.as_second()).ok(),
        }
    }
}

impl Fields {
    fn after(&self, time: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut at = (time + 60.seconds()).to_zoned(zone.clone());
        at = at.with().second(0).subsec_nanosecond(0).build().ok()?;
        let last = at.year() + AHEAD;
        while at.year() <= last {
            if !has(self.months, at.month()) {
                at = at.first_of_month().ok()?.checked_add(1.month()).ok()?.start_of_day().ok()?;
            } else if !self.is_day(&at) {
                at = at.tomorrow().ok()?.start_of_day().ok()?;
            } else if !has(self.hours, at.hour()) {
                // Where clocks go back by half an hour, an hour may begin at half past.
                at = at.checked_add((60 - i64::from(at.minute())).minutes()).ok()?;
            } else if !has(self.minutes, at.minute()) {
                at = at.checked_add(1.minute()).ok()?;
            } else {
                return Some(at.timestamp());
            }
        }
        None
    }

    fn is_day(&self, at: &Zoned) -> bool {
        let by_number = has(self.days, at.day());
        let by_name = has(self.weekdays, at.weekday().to_sunday_zero_offset());
        if self.both { by_number && by_name } else { by_number || by_name }
    }
}

fn has(bits: u64, number: i8) -> bool {
    bits & (1 << number) != 0
}

/// Whether a field means everything: a star with steps does not.
fn is_starred(field: &str) -> bool {
    let star = |span: &str| matches!(span, "*" | "?");
    field.split(',').any(|part| match part.split_once('/') {
        Some((span, step)) => star(span) && step.parse() == Ok(1),
        None => star(part),
    })
}

/// A duration as Go writes it, such as `1h30m`, in whole seconds and at least one.
fn every(text: &str) -> Result<SignedDuration, String> {
    let invalid = || format!("invalid duration {text:?}");
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest.is_empty() {
        return Err(invalid());
    }
    let is_digit = |c: char| c.is_ascii_digit() || c == '.';
    let mut seconds = 0.0;
    while !rest.is_empty() && text != "0" {
        let (number, after) = rest.split_at(rest.find(|c| !is_digit(c)).unwrap_or(rest.len()));
        let number: f64 = number.parse().map_err(|_| invalid())?;
        let (unit, after) = after.split_at(after.find(is_digit).unwrap_or(after.len()));
        seconds += number * unit_seconds(unit, text)?;
        rest = after;
    }
    let seconds = if text.starts_with('-') { 1.0 } else { f64::max(seconds, 1.0).trunc() };
    SignedDuration::try_from_secs_f64(seconds).map_err(|_| invalid())
}

fn unit_seconds(unit: &str, text: &str) -> Result<f64, String> {
    match unit {
        "h" => Ok(3600.0),
        "m" => Ok(60.0),
        "s" => Ok(1.0),
        "ms" => Ok(1e-3),
        "us" | "\u{b5}s" | "\u{3bc}s" => Ok(1e-6),
        "ns" => Ok(1e-9),
        "" => Err(format!("missing unit in duration {text:?}")),
        _ => Err(format!("unknown unit {unit:?} in duration {text:?}")),
    }
}

/// The numbers that a field means, as bits: `*`, `1-5`, `*/2`, lists of these, and names.
fn field(text: &str, least: u32, most: u32, names: &[&str]) -> Result<u64, String> {
    text.split(',').map(|part| range(part, least, most, names)).try_fold(0, |all, bits| Ok(all | bits?))
}

fn range(text: &str, least: u32, most: u32, names: &[&str]) -> Result<u64, String> {
    let (span, step) = match text.split_once('/') {
        Some((span, step)) => (span, Some(number(step, 0, &[])?)),
        None => (text, None),
    };
    if step == Some(0) {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    let (from, to) = match span.split_once('-') {
        _ if matches!(span, "*" | "?") => (least, most),
        Some((from, to)) => (number(from, least, names)?, number(to, least, names)?),
        None => {
            let one = number(span, least, names)?;
            (one, if step.is_some() { most } else { one })
        }
    };
    if from < least {
        return Err(format!("beginning of range ({from}) below minimum ({least}): {text}"));
    }
    if to > most {
        return Err(format!("end of range ({to}) above maximum ({most}): {text}"));
    }
    if from > to {
        return Err(format!("beginning of range ({from}) beyond end of range ({to}): {text}"));
    }
    let step = usize::try_from(step.unwrap_or(1)).unwrap_or(1);
    Ok((from..=to).step_by(step).fold(0, |bits, number| bits | 1 << number))
}

fn number(text: &str, least: u32, names: &[&str]) -> Result<u32, String> {
    let named = names.iter().position(|name| name.eq_ignore_ascii_case(text)).and_then(|at| u32::try_from(at).ok());
    if let Some(at) = named {
        return Ok(at + least);
    }
    text.parse().map_err(|_| format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: invalid syntax"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, time: &str) -> String {
        let schedule = Schedule::parse(schedule).expect("a schedule");
        let next = schedule.after(time.parse().expect("a time"), &TimeZone::UTC);
        next.map(|time| time.to_string()).unwrap_or_default()
    }

    #[test]
    fn schedules_are_due_when_cron_says_so() {
        let time = "2026-01-30T10:07:12Z";
        for (schedule, due) in [
            ("* * * * *", "2026-01-30T10:08:00Z"),
            ("*/5 * * * *", "2026-01-30T10:10:00Z"),
            ("@hourly", "2026-01-30T11:00:00Z"),
            ("30 2 * * mon-fri", "2026-02-02T02:30:00Z"),
            ("0 0 1 * *", "2026-02-01T00:00:00Z"),
            ("0 0 29 feb *", "2028-02-29T00:00:00Z"),
            ("0 0 13 * 5", "2026-02-06T00:00:00Z"),
            ("0 0 30 2 *", ""),
            ("0 0 */2 * 5", "2026-01-31T00:00:00Z"),
            ("0 0 */1 * 5", "2026-02-06T00:00:00Z"),
            ("0 0 13 * */2", "2026-01-31T00:00:00Z"),
            ("@every 1h", "2026-01-30T11:07:12Z"),
            ("@every 1h30m5.7s", "2026-01-30T11:37:17Z"),
            ("@every 10ms", "2026-01-30T10:07:13Z"),
        ] {
            assert_eq!(next(schedule, time), due, "{schedule}");
        }
    }

    /// On Lord Howe Island clocks go back by half an hour.
    #[test]
    fn hours_that_begin_at_half_past_end() {
        let zone = TimeZone::get("Australia/Lord_Howe").expect("a zone");
        let schedule = Schedule::parse("0 5 * * *").expect("a schedule");
        let due = schedule.after("2026-04-04T12:00:00Z".parse().expect("a time"), &zone);
        assert_eq!(due.map(|time| time.to_string()), Some("2026-04-04T18:30:00Z".to_owned()));
    }

    #[test]
    fn mistakes_are_told_as_kubernetes_tells_them() {
        for (schedule, words) in [
            ("bad", "expected exactly 5 fields, found 1: [bad]"),
            ("61 * * * *", "end of range (61) above maximum (59): 61"),
            ("x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax"),
            ("@often", "unrecognized descriptor: @often"),
            ("@every day", "failed to parse duration @every day: time: invalid duration \"day\""),
            ("@every 5", "failed to parse duration @every 5: time: missing unit in duration \"5\""),
            ("@every 5d", "failed to parse duration @every 5d: time: unknown unit \"d\" in duration \"5d\""),
        ] {
            assert_eq!(Schedule::parse(schedule).expect_err("wrong"), words);
        }
    }
}
