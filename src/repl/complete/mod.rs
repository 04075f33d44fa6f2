//! What Tab offers. Names come from the tables, from script texts, from values in hand and from clusters that answer
//! quickly; no code is ever run for it.

mod call;
mod candidate;
mod value;

use super::commands::{self, Takes};
use super::document::primitives;
use super::{Repl, namespaces};
use crate::engine::Primitive;
use crate::engine::language::WORDS;
use crate::engine::value::type_name;
use crate::primitives::Host;
use crate::script::lexer::{Piece, What, pieces};
use call::{CallAt, call_at, mate, receiver};
use candidate::{begun, files, function, functions, imports, scripts};
use value::{fields, part};

pub use candidate::Candidate;

const KEYWORDS: &[&str] = &[
    "let", "const", "if", "else", "for", "in", "while", "loop", "return", "throw", "try", "catch", "fn", "import",
    "switch", "step", "true", "false",
];

/// What stands before the cursor.
struct Before<'t> {
    text: &'t str,
    code: Vec<Piece<'t>>,
}

impl Repl {
    /// Where the word at the cursor begins, and what it may become.
    pub fn complete(&self, line: &str, cursor: usize) -> (usize, Vec<Candidate>) {
        let text = &line[..cursor];
        if let Some(command) = text.trim_start().strip_prefix(':') {
            return self.of_command(text, command);
        }
        let all = pieces(text);
        if let Some(last) = all.last()
            && let What::Text(inside) = last.what
            && is_open(text, last)
        {
            let start = last.end - inside.len();
            return (start, begun(inside, self.in_text(text, inside, &all[..all.len() - 1])));
        }
        if all.last().is_some_and(|last| matches!(last.what, What::Comment(_)) && last.end == text.len()) {
            return (cursor, Vec::new());
        }
        let word_start = text
            .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
            .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
        let word = &text[word_start..];
        let code: Vec<Piece<'_>> = all
            .into_iter()
            .filter(|piece| piece.end <= word_start && !matches!(piece.what, What::Comment(_)))
            .collect();
        let before = Before { text, code };
        (word_start, begun(word, self.in_code(&before)))
    }

    /// The signature of the call that the cursor is in, for a hint.
    pub fn signature_at(&self, text: &str) -> Option<String> {
        if !text.trim_end().ends_with(['(', ',']) {
            return None;
        }
        let code: Vec<Piece<'_>> =
            pieces(text).into_iter().filter(|piece| !matches!(piece.what, What::Comment(_))).collect();
        let call = call_at(&code)?;
        self.primitive_of(&call).map(|primitive| primitive.params.to_owned()).filter(|_| !call.in_map)
    }

    fn of_command(&self, text: &str, command: &str) -> (usize, Vec<Candidate>) {
        let start = text.len() - command.len();
        let Some((name, rest)) = command.split_once(' ') else {
            let all = commands::ALL.iter().map(|c| Candidate::told(c.name, c.doc)).collect();
            return (start, begun(command, all));
        };
        let takes = commands::find(name).map_or(Takes::Nothing, |command| command.takes);
        let word_start =
            if takes == Takes::Step { text.len() - rest.len() } else { text.rfind(' ').map_or(start, |at| at + 1) };
        let word = &text[word_start..];
        let candidates = match takes {
            Takes::Nothing => Vec::new(),
            Takes::Command => commands::ALL.iter().map(|c| Candidate::told(c.name, c.doc)).collect(),
            Takes::Context => self.contexts(),
            Takes::Namespace => self
                .current_cluster()
                .map(|context| self.objects(&context, "namespaces"))
                .unwrap_or_default()
                .into_iter()
                .map(Candidate::plain)
                .collect(),
            Takes::Step => self.opened.iter().flat_map(|opened| opened.steps()).map(Candidate::plain).collect(),
            Takes::Script => scripts().into_iter().chain(files(word)).collect(),
            Takes::File => files(word),
            Takes::Name => {
                let pages = crate::doc::TOPICS.iter().map(|topic| Candidate::told(topic.name, topic.about));
                self.in_code(&Before { text: rest, code: Vec::new() }).into_iter().chain(pages).collect()
            }
        };
        (word_start, begun(word, candidates))
    }

    fn contexts(&self) -> Vec<Candidate> {
        self.session().clusters().contexts().unwrap_or_default().into_iter().map(Candidate::plain).collect()
    }

    /// Inside an open text: what the argument is called decides.
    fn in_text(&self, text: &str, word: &str, before: &[Piece<'_>]) -> Vec<Candidate> {
        let code: Vec<Piece<'_>> =
            before.iter().filter(|piece| !matches!(piece.what, What::Comment(_))).copied().collect();
        if matches!(code.last().map(|piece| piece.what), Some(What::Word("import"))) {
            return imports(text);
        }
        let Some(call) = call_at(&code) else { return Vec::new() };
        let Some(primitive) = self.primitive_of(&call) else { return Vec::new() };
        if call.in_map {
            return match call.key {
                Some("namespace") => self.objects_of(&call, "namespaces"),
                _ => Vec::new(),
            };
        }
        let param = crate::engine::params::parse(primitive.params)
            .ok()
            .and_then(|params| params.get(call.given.len()).cloned());
        match param.map(|param| param.name) {
            Some("context") => self.contexts(),
            Some("kind" | "of") => self.kinds_of(&call, word),
            Some("name") => {
                let kind = call.given.first().copied().flatten().unwrap_or_default();
                self.objects_of(&call, kind)
            }
            Some("path") if primitive.name == "explain" => self.kinds_of(&call, word),
            Some("path" | "file" | "folder") => files(""),
            _ => Vec::new(),
        }
    }

    /// Each kind once, by the first of its names that begins like this.
    fn kinds_of(&self, call: &CallAt<'_>, word: &str) -> Vec<Candidate> {
        let Some(context) = self.context_of(call) else { return Vec::new() };
        let candidate = |line: &String| {
            let (fits, others): (Vec<&str>, Vec<&str>) = line.split(' ').partition(|name| name.starts_with(word));
            let (name, more) = fits.split_first()?;
            Some(Candidate::told(*name, &[more, &others].concat().join(" ")))
        };
        self.kinds(&context).iter().filter_map(candidate).collect()
    }

    fn objects_of(&self, call: &CallAt<'_>, kind: &str) -> Vec<Candidate> {
        let Some(context) = self.context_of(call) else { return Vec::new() };
        self.objects(&context, kind).into_iter().map(Candidate::plain).collect()
    }

    /// The context of the cluster that a call is made on, as far as it can be told without running anything.
    fn context_of(&self, call: &CallAt<'_>) -> Option<String> {
        let value = self.value_of(call.receiver);
        if let Some(cluster) = value.and_then(|value| value.try_cast::<crate::cluster::Cluster>()) {
            return Some(cluster.name().to_owned());
        }
        match call.receiver {
            [.., kube, dot, cluster, open, context, _]
                if kube.what == What::Word("kube")
                    && dot.what == What::Symbol('.')
                    && cluster.what == What::Word("cluster")
                    && open.what == What::Symbol('(') =>
            {
                match context.what {
                    What::Text(context) => Some(context.to_owned()),
                    _ => None,
                }
            }
            _ => self.current_cluster().ok(),
        }
    }

    fn in_code(&self, before: &Before<'_>) -> Vec<Candidate> {
        let code = &before.code;
        match code.last().map(|piece| piece.what) {
            Some(What::Symbol('.')) => {
                let end =
                    code.len() - 1 - usize::from(code.len() > 1 && code[code.len() - 2].what == What::Symbol('?'));
                self.members(receiver(&code[..end]))
            }
            Some(What::Symbol(':')) if code.len() > 2 && code[code.len() - 2].what == What::Symbol(':') => {
                match code[code.len() - 3].what {
                    What::Word(module) => functions(module, &self.module(module).unwrap_or_default()),
                    _ => Vec::new(),
                }
            }
            last => {
                let starts_key = matches!(last, Some(What::Symbol('{' | ',')));
                match call_at(code).filter(|call| call.in_map && call.key.is_none() && starts_key) {
                    Some(call) => self.options(&call),
                    None => self.words(before.text),
                }
            }
        }
    }

    /// The keys of the options of the call that the cursor is in.
    fn options(&self, call: &CallAt<'_>) -> Vec<Candidate> {
        let Some(primitive) = self.primitive_of(call) else { return Vec::new() };
        let option = |(name, kinds, doc): &(&str, &str, &str)| Candidate {
            text: format!("{name}: "),
            shown: format!("{name}: {kinds}  {doc}"),
        };
        primitive.options.iter().map(option).collect()
    }

    /// Fields and functions of what stands before the dot.
    fn members(&self, receiver: &[Piece<'_>]) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        let value = self.value_of(receiver);
        if let Some(value) = &value {
            let about = |field: &str| self.param_help(receiver, field);
            candidates.extend(fields(value).into_iter().map(|field| Candidate::told(field.as_str(), &about(&field))));
        }
        let kind = match (&value, receiver) {
            (Some(value), _) => type_name(value).to_owned(),
            (None, receiver) => self.returned(receiver).unwrap_or_default(),
        };
        candidates.extend(primitives().filter(|p| p.on == kind && !kind.is_empty()).map(function));
        if candidates.is_empty() && receiver.len() == 1 && value.is_none() {
            candidates.extend(primitives().filter(|p| receiver[0].what == What::Word(p.on)).map(function));
        }
        candidates
    }

    fn param_help(&self, receiver: &[Piece<'_>], field: &str) -> String {
        let is_params = matches!(receiver, [only] if only.what == What::Word("params"));
        let param = self.opened.as_ref().filter(|_| is_params).and_then(|opened| opened.header.param(field));
        param.map(|param| param.help.clone()).unwrap_or_default()
    }

    /// The value of `name.field[0].field`, read from the variables.
    fn value_of(&self, path: &[Piece<'_>]) -> Option<rhai::Dynamic> {
        let (first, rest) = path.split_first()?;
        let What::Word(name) = first.what else { return None };
        let mut value = self.console.scope().get(name)?.flatten_clone();
        for piece in rest {
            match piece.what {
                What::Symbol('.' | '?' | '[' | ']') => {}
                What::Word(key) | What::Text(key) => value = part(&value, key)?,
                _ => return None,
            }
        }
        Some(value)
    }

    /// The type that a call returns, by its table: `kube.cluster("east")` is a Cluster.
    fn returned(&self, receiver: &[Piece<'_>]) -> Option<String> {
        let last = receiver.last()?;
        if last.what != What::Symbol(')') {
            return None;
        }
        let open = mate(receiver)?;
        let What::Word(name) = receiver.get(open.checked_sub(1)?)?.what else { return None };
        let on = match receiver.get(..open.checked_sub(2)?) {
            Some([only]) => match only.what {
                What::Word(word) => self
                    .console
                    .scope()
                    .get(word)
                    .map_or(word.to_owned(), |value| type_name(&value.flatten_clone()).to_owned()),
                _ => return None,
            },
            Some(path) => {
                self.value_of(path).map(|value| type_name(&value).to_owned()).or_else(|| self.returned(path))?
            }
            None => return None,
        };
        primitives().find(|p| p.on == on && p.name == name).map(|p| p.returns.to_owned())
    }

    fn primitive_of(&self, call: &CallAt<'_>) -> Option<&'static Primitive<Host>> {
        let on = match call.receiver {
            [] => String::new(),
            [only] if matches!(only.what, What::Word(word) if namespaces().contains(&word)) => match only.what {
                What::Word(word) => word.to_owned(),
                _ => return None,
            },
            path => self.value_of(path).map(|value| type_name(&value).to_owned()).or_else(|| self.returned(path))?,
        };
        primitives().find(|p| p.on == on && p.name == call.name)
    }

    /// Words that may begin an expression.
    fn words(&self, _: &str) -> Vec<Candidate> {
        let mut candidates: Vec<Candidate> = Vec::new();
        for (name, _, value) in self.console.scope().iter_raw() {
            if name.strip_prefix('_').is_none_or(|rest| rest == "error") {
                candidates.push(Candidate::told(name, type_name(&value.flatten_clone())));
            }
        }
        candidates.extend(namespaces().into_iter().map(Candidate::plain));
        candidates.extend(self.modules().into_iter().map(|name| Candidate::told(format!("{name}::"), "module")));
        candidates.extend(functions("", &self.functions()));
        let plain =
            WORDS.iter().filter(|word| word.on.is_empty() && word.signature[word.name.len()..].starts_with('('));
        candidates
            .extend(plain.map(|word| Candidate { text: format!("{}(", word.name), shown: word.signature.to_owned() }));
        candidates.extend(primitives().filter(|p| p.on.is_empty()).map(function));
        candidates.extend(KEYWORDS.iter().map(|word| Candidate::plain(*word)));
        candidates
    }
}

/// Whether a text ends inside a text literal that is not closed yet.
pub fn ends_in_text(text: &str) -> bool {
    pieces(text).last().is_some_and(|last| matches!(last.what, What::Text(_)) && is_open(text, last))
}

/// Whether the last piece, a text, is not closed yet.
fn is_open(text: &str, last: &Piece<'_>) -> bool {
    let quote = &text[last.start..last.start + 1];
    last.end == text.len()
        && (last.end - last.start == 1 || !text.ends_with(quote) || text.ends_with(&format!("\\{quote}")))
}
