//! Pages about what is written and not called: the header of a script, and the comments above its steps. What is a table
//! in the program is told from that table.

use super::page::{indented, wrapped};
use crate::engine::language::WORDS;
use crate::script::{fields, header, needs, params};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// A page.
pub struct Topic {
    /// Its name.
    pub name: &'static str,
    /// What it is about, in a line.
    pub about: &'static str,
    parts: fn() -> Vec<Part>,
}

/// A part of a page.
pub enum Part {
    /// What the parts after it are about.
    Title(&'static str),
    /// A paragraph.
    Prose(String),
    /// A script.
    Script(&'static str),
    /// What can be written: words, how they stand there, what they mean.
    Table([&'static str; 3], Vec<Row>),
}

/// A row of a table: the word, what stands there, what it means.
pub type Row = [String; 3];

/// The pages, in reading order.
pub const TOPICS: [Topic; 4] = [
    Topic {
        name: "header",
        about: "what a script says of itself: title, parameters, rights; and its steps",
        parts: whole,
    },
    Topic { name: "params", about: "the parameters in a header, their types and fields", parts: of_params },
    Topic { name: "needs", about: "the rights in a header, what a script may do", parts: of_needs },
    Topic { name: "steps", about: "a step and the comment above it, with the commands it stands for", parts: of_steps },
];

/// A script with everything in it.
pub const EXAMPLE: &str = r##"//! # Restart what runs in a namespace
//!
//! For when its certificates are new.
//!
//! ---
//! params:
//!   cluster: {type: cluster, help: "where it runs"}
//!   namespace: {type: string, default: shop, pattern: "[a-z0-9-]+", help: "its namespace"}
//! needs:
//!   write: ["{namespace}/Deployment"]
//! ---

// Guide: Day two, step 4. Pods read their certificates when they start.
//   kubectl --context=$CTX_CLUSTER1 -n ${namespace} rollout restart deploy
step "Restart it" on params.cluster within "5m" {
    for deploy in params.cluster.list("deploy", #{namespace: params.namespace}) {
        params.cluster.restart(deploy);
    }
}
"##;

/// The page of this name.
pub fn topic(name: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.name == name)
}

/// The page that tells what a word of headers is, such as `one_of` or `strings`.
pub fn page_of(word: &str) -> Option<&'static Topic> {
    let of_params = params::TYPES.iter().map(|known| known.name).chain(fields::FIELDS.iter().map(|field| field.name));
    let all = [
        ("header", header::KEYS.iter().map(|key| key.name).collect::<Vec<_>>()),
        ("params", of_params.chain(["parameters", "flags"]).collect()),
        ("needs", needs::rights().map(|right| right.key).chain(["rights", "permissions"]).collect()),
        ("steps", vec!["comment", "comments"]),
        ("header", vec!["yaml", "frontmatter", "metadata", "title", "description", "script"]),
    ];
    let (name, _) = all.into_iter().find(|(_, words)| words.contains(&word))?;
    topic(name)
}

fn row(word: &str, form: impl Into<String>, meaning: &str) -> Row {
    [word.to_owned(), form.into(), meaning.to_owned()]
}

fn prose(text: &str) -> Part {
    Part::Prose(text.to_owned())
}

fn whole() -> Vec<Part> {
    let keys = header::KEYS.iter().map(|key| row(key.name, key.wants, key.help)).collect();
    let mut parts = vec![
        prose(
            "A script may begin with lines of `//!`, its header. The first of them with a `#` is its title: \
             with one, a file beside a `main.rhai` is listed as its task. What else stands there is its \
             description, Markdown for people. Between two lines of `---` stands YAML with the keys below. Without that \
             a script takes no parameters and may only read.",
        ),
        Part::Script(EXAMPLE),
        Part::Title("The keys of a header"),
        Part::Table(["key", "what stands behind it", "meaning"], keys),
    ];
    parts.extend([of_params(), of_needs(), of_steps()].into_iter().flatten());
    parts
}

fn of_params() -> Vec<Part> {
    let types = params::TYPES.iter().map(|known| row(known.name, known.given.join(" or "), known.gives));
    let fields = fields::FIELDS.iter().map(|field| row(field.name, field.wants, field.help));
    vec![
        Part::Title("The types of parameters"),
        prose(
            "On the command line a parameter `x` is given as below; in a file for `--params` by its name, with a text, a \
             number, a list or a map of YAML. What YAML would read as a number, `true` or `false` (as it does `yes`, \
             `no`, `on`, `off`, `y` and `n`) stands in quotes where text belongs. In the script it is `params.x`.",
        ),
        Part::Table(["type", "on the command line", "in the script"], types.collect()),
        Part::Title("The fields of a parameter"),
        Part::Table(["field", "what stands behind it", "meaning"], fields.collect()),
    ]
}

fn of_needs() -> Vec<Part> {
    let rights = needs::rights().map(|right| row(right.key, right.example, right.help));
    vec![
        Part::Title("The keys of needs"),
        prose(
            "A script may read from the clusters of its parameters, the content of Secrets not included; what it does \
             beyond that stands here. `*` stands for any text, `\"{parameter}\"` for a parameter's value, one entry for \
             each item of a list, and `\"!kube-system\"` takes away again. `--allow KEY=NAME` widens a run, `--deny \
             KEY=NAME` and `--read-only` narrow it, in the same words.",
        ),
        Part::Table(["key", "for example", "meaning"], rights.collect()),
    ]
}

fn of_steps() -> Vec<Part> {
    let word = WORDS.iter().find(|word| word.name == "step");
    let comment = [
        row("Guide: …", "Guide: Setup, step 2.", "The guide's section that it carries out, up to the first full stop."),
        row(
            "three blanks behind //",
            "//   kubectl get ns",
            "A command line: what somebody would type instead. All else is prose.",
        ),
        row("$CTX_CLUSTER1", "east", "The context of the first cluster in the parameters."),
        row(
            "$CTX_CLUSTER2",
            "west",
            "The context of each other cluster: the line is told once for each, a loop goes over all of them.",
        ),
        row("${n}", "2", "The number of that other cluster, from 2; in a loop it stays as it is."),
        row(
            "${parameter}",
            "shop",
            "The value of a parameter; of a list, the item of the line's cluster. Not given, it stays as it is.",
        ),
        row(
            "${parameter:-otherwise}",
            "otherwise",
            "The same, and something else where that is empty, not given or unknown.",
        ),
    ];
    vec![
        Part::Title("A step and the comment above it"),
        Part::Prose(format!("`{}`", word.map_or("", |word| word.signature))),
        prose(word.and_then(|word| word.doc.split(" `meshwright doc steps`").next()).unwrap_or_default()),
        prose(
            "The comment directly above it is what `show` and `explain` tell of it, `explain` with the contexts and the \
             parameters that are given.",
        ),
        Part::Table(["in the comment", "for example", "meaning"], comment.to_vec()),
    ]
}

impl Topic {
    /// Its parts.
    pub fn parts(&self) -> Vec<Part> {
        (self.parts)()
    }

    /// The page for a terminal, in lines of at most this width as far as words can be wrapped.
    pub fn page(&self, width: usize) -> String {
        let mut text = format!("{}: {}\n", self.name, self.about);
        for part in self.parts() {
            text += "\n";
            text += &match part {
                Part::Title(title) => format!("{title}\n"),
                Part::Prose(prose) => indented(&wrapped(&prose, width.saturating_sub(2))),
                Part::Script(script) => indented(&indented(script)),
                Part::Table(_, rows) => rows.iter().map(|row| shown(row, column(&rows), width)).collect(),
            };
        }
        text
    }

    /// The page as Markdown, its titles of this depth.
    pub fn markdown(&self, depth: usize) -> String {
        let mut page = String::new();
        for part in self.parts() {
            let _ = match part {
                Part::Title(title) => writeln!(page, "\n{} {title}", "#".repeat(depth)),
                Part::Prose(prose) => writeln!(page, "\n{prose}"),
                Part::Script(script) => writeln!(page, "\n```rhai\n{}\n```", script.trim_end()),
                Part::Table(heads, rows) => {
                    let rows = rows.iter().map(|[word, form, meaning]| {
                        format!("| `{}` | {} | {} |\n", cell(word), cell(&coded(heads[1], form)), cell(meaning))
                    });
                    let head = format!("\n| {} |\n| --- | --- | --- |\n", heads.join(" | "));
                    write!(page, "{head}{}", rows.collect::<String>())
                }
            };
        }
        page
    }

    /// Everything about it, for programs.
    pub fn json(&self) -> Value {
        let parts = self.parts();
        let prose = parts.iter().filter_map(|part| if let Part::Prose(text) = part { Some(text) } else { None });
        let scripts = parts.iter().filter_map(|part| if let Part::Script(text) = part { Some(text) } else { None });
        let tables = parts.iter().filter_map(|part| match part {
            Part::Table(heads, rows) => {
                let rows = rows.iter().map(|row| json!({heads[0]: row[0], heads[1]: row[1], heads[2]: row[2]}));
                Some(rows.collect::<Value>())
            }
            _ => None,
        });
        json!({
            "page": self.name, "about": self.about, "doc": prose.collect::<Vec<_>>(),
            "examples": scripts.collect::<Vec<_>>(), "tables": tables.collect::<Vec<_>>(),
        })
    }
}

/// Where the second column begins.
fn column(rows: &[Row]) -> usize {
    rows.iter().map(|[word, ..]| word.chars().count()).max().unwrap_or_default() + 4
}

/// A row for a terminal: the word, what stands there, and below that what it means.
fn shown([word, form, meaning]: &Row, column: usize, width: usize) -> String {
    let room = width.saturating_sub(column).max(20);
    // Blanks count in what is typed.
    let form = if form.chars().count() <= room { form.clone() } else { wrapped(form, room) };
    let lines = [form, wrapped(meaning, room)].join("\n");
    let mut text = String::new();
    for (at, line) in lines.lines().enumerate() {
        let head = if at == 0 { format!("  {word}") } else { String::new() };
        text += &format!("{head:<column$}{line}\n");
    }
    text
}

/// What is typed stands as code in Markdown; what is said of it does not.
fn coded(head: &str, form: &str) -> String {
    if head.starts_with("what") {
        return form.to_owned();
    }
    form.split(" or ").map(|one| format!("`{one}`")).collect::<Vec<_>>().join(" or ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Callables;
    use crate::primitives::TABLES;
    use crate::script::check::{Subject, check};
    use crate::script::{Given, Header, Resolver, Values};

    #[test]
    fn the_page_of_the_header_has_every_word_of_its_tables() {
        let (page, width) = (topic("header").expect("header").page(80), 80);
        let words = params::TYPES.iter().map(|known| known.name).chain(fields::FIELDS.iter().map(|field| field.name));
        let words = words.chain(header::KEYS.iter().map(|key| key.name)).chain(needs::rights().map(|right| right.key));
        for word in words.chain(["$CTX_CLUSTER2", "${parameter:-otherwise}", "Guide: …", "within"]) {
            assert!(
                page.lines().any(|line| line.split_whitespace().any(|said| said == word)) || page.contains(word),
                "{word}"
            );
            assert!(
                topic(word).is_some() || page_of(word).is_some() || word.contains(['$', ' ']) || word == "within",
                "{word}"
            );
        }
        let long = |line: &&str| line.chars().count() > width && !line.starts_with("    ");
        assert_eq!(page.lines().filter(long).collect::<Vec<_>>(), Vec::<&str>::new());
    }

    #[test]
    fn examples_of_headers_are_right() {
        let resolver = Resolver::for_folder(std::path::Path::new("/nowhere"));
        let mut count = 0;
        for part in TOPICS.iter().flat_map(Topic::parts) {
            let Part::Script(text) = part else { continue };
            count += 1;
            let subject = Subject { source: "example", text, is_module: false, around: None };
            let found = check(&subject, &Callables::of(TABLES), &resolver);
            assert!(found.is_empty(), "{found:?}");
        }
        assert!(count > 0);
    }

    /// The words of a part of a line, or the whole part when it stands in quotes.
    fn words((number, part): (usize, &str)) -> Vec<String> {
        if number % 2 == 1 { vec![part.to_owned()] } else { part.split_whitespace().map(str::to_owned).collect() }
    }

    #[test]
    fn what_the_command_line_takes_for_each_type_is_taken() {
        for known in params::TYPES {
            let text = format!("//! ---\n//! params: {{x: {{type: {}}}}}\n//! ---\n", known.name);
            let header = Header::parse("example", &text).expect("header");
            for given in known.given {
                // A shell takes the quotes off; there must be such a variable and such a file.
                let given = given.replace("env:NAME", "env:PATH").replace("file:PATH", "file:Cargo.toml");
                let given = given.replace("site.yaml", "Cargo.toml");
                let args: Vec<String> = (0..).zip(given.split('\'')).flat_map(words).collect();
                let values = Values::check(&header, &Given::from_args(&header, &args));
                assert!(values.is_ok(), "{}: {given}: {values:?}", known.name);
            }
        }
    }

    #[test]
    fn what_may_stand_in_needs_may_stand_there() {
        let lines: String = needs::rights().map(|right| format!("//!   {}: {}\n", right.key, right.example)).collect();
        Header::parse("example", &format!("//! ---\n//! needs:\n{lines}//! ---\n")).expect("header");
    }
}
