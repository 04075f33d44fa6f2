//! A shell at a terminal (`kubectl exec -it POD -- sh`): reads lines, runs each as `sh -c LINE`.

use super::Stage;
use super::channel::{Channels, Frame, STDIN, STDOUT};
use super::exec::{execute, terminal};

const PROMPT: &[u8] = b"$ ";
const END_OF_INPUT: u8 = 4;
const INTERRUPT: u8 = 3;
const BACKSPACE: [u8; 2] = [8, 127];

/// Whether this program is a shell that takes its commands from the terminal.
pub(crate) fn is_interactive(argv: &[String]) -> bool {
    let Some((program, options)) = argv.split_first() else { return false };
    let name = program.rsplit('/').next().unwrap_or_default();
    matches!(name, "sh" | "bash" | "ash" | "dash" | "zsh")
        && options.iter().all(|option| matches!(option.as_str(), "-i" | "-l"))
}

/// The program of `sh -c 'PROGRAM ARGUMENTS'`, when the line needs no shell: no quotes, variables, pipes.
pub(crate) fn only_program(argv: &[String]) -> Option<Vec<String>> {
    let [program, option, line] = argv else { return None };
    let plain = option == "-c" && is_interactive(std::slice::from_ref(program)) && !line.contains(SPECIAL);
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    (plain && !words.is_empty()).then_some(words)
}

const SPECIAL: &[char] = &['\'', '"', '\\', '$', '`', '|', '&', ';', '<', '>', '(', ')', '*', '~', '#', '\n', '='];

/// Runs the shell until `exit`, the end of input or of the connection; its exit code.
pub(crate) async fn converse(stage: &Stage, container: &str, argv: &[String], channels: &mut Channels) -> i32 {
    let mut code = 0;
    loop {
        channels.send(STDOUT, PROMPT).await;
        let Some(line) = line(channels).await else { return code };
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => continue,
            ["exit"] => return code,
            ["exit", number] => return number.parse().unwrap_or(2),
            _ => {}
        }
        let command = vec![argv[0].clone(), "-c".into(), line];
        let Some(answer) = execute(stage, container, command, String::new()).await else { return 1 };
        channels.send(STDOUT, terminal(&format!("{}{}", answer.stdout, answer.stderr)).as_bytes()).await;
        code = answer.code;
    }
}

/// One line as typed, echoed; `None` at the end of input.
async fn line(channels: &mut Channels) -> Option<String> {
    let mut line = Vec::new();
    loop {
        let bytes = match channels.receive().await {
            Frame::Data(STDIN, bytes) => bytes,
            Frame::Data(..) => continue,
            Frame::End(_) | Frame::Closed => return None,
        };
        for byte in bytes {
            match byte {
                b'\r' | b'\n' => {
                    channels.send(STDOUT, b"\r\n").await;
                    return Some(String::from_utf8_lossy(&line).into_owned());
                }
                END_OF_INPUT if line.is_empty() => return None,
                INTERRUPT => line.clear(),
                byte if BACKSPACE.contains(&byte) => {
                    if line.pop().is_some() {
                        channels.send(STDOUT, b"\x08 \x08").await;
                    }
                }
                byte => {
                    line.push(byte);
                    channels.send(STDOUT, &[byte]).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_needs_no_shell_is_its_program() {
        let words = |argv: &[&str]| only_program(&argv.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
        let curl = words(&["/bin/sh", "-c", "curl -s http://h:5000/hello?a"]).expect("one program");
        assert_eq!(curl, ["curl", "-s", "http://h:5000/hello?a"]);
        for line in ["curl 'a b'", "curl a | wc", "A=1 curl a", " ", "curl $URL"] {
            assert_eq!(words(&["sh", "-c", line]), None, "{line}");
        }
        assert_eq!(words(&["curl", "-c", "a"]), None);
        assert_eq!(words(&["sh"]), None);
    }
}
