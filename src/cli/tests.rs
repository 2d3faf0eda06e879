use clap::CommandFactory;

use super::*;

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

// Other systems have other sources of GPU figures, and other places.
#[test]
#[cfg(target_os = "linux")]
#[expect(clippy::too_many_lines, reason = "the page is as long as it is")]
fn the_help_is_one_calm_page() {
    use super::run::export_help;
    use crate::report::exporters::Exporter;
    const FORMATS: &[Exporter] = &[
        Exporter { id: "markdown", extension: "md", label: "", render: |_| String::new() },
        Exporter { id: "json", extension: "json", label: "", render: |_| String::new() },
    ];
    let cli = Cli::command().mut_arg("exports", |export| export.help(export_help(FORMATS)));
    let page = cli.term_width(100).try_get_matches_from(["tokscope", "--help"]).unwrap_err();
    insta::assert_snapshot!(page, @r"
    An oscilloscope for LLM tokens: a live terminal benchmark of any OpenAI-compatible chat endpoint

    Usage: tokscope [OPTIONS] [URL]
           tokscope <COMMAND>

    Commands:
      sim          Serve the built-in simulator by itself
      calibrate    Measure this program's own error on this machine
      runs         List the saved runs
      resume       Go on with a saved run where it stopped
      open         Show a saved run in the dashboard
      replay       Play a saved run again as it was, token by token
      report       Render a saved run again, in any format
      compare      Two runs side by side
      completions  Write the completions for a shell to stdout
      man          Write the man page to stdout
      help         Print this message or the help of the given subcommand(s)

    Arguments:
      [URL]  Base URL of the endpoint, like http://localhost:8000/v1

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Endpoint:
          --model <NAME>           The model to ask; by default the endpoint's own, if it has exactly
                                   one
          --api <API>              What is spoken there: chat, responses, messages, ollama [default:
                                   chat, or what the end of the URL tells]
          --api-key-env <VAR>      The variable that holds the API key [default: OPENAI_API_KEY]
          --api-key-file <FILE>    The file that holds the API key alone, on one line
          --header <NAME: VALUE>   A further header for every request; repeatable. Who may list
                                   processes sees it: for a secret take --header-env
          --header-env <NAME=VAR>  The same with its value in this environment variable; repeatable
          --proxy <URL>            Go through this proxy; `env`: through the one that HTTPS_PROXY and
                                   the like name [default: none]
          --cacert <FILE>          Also trust the issuers, or the server's own certificate, in this PEM
                                   file
          --insecure               Do not verify the server's certificate: anyone on the way may answer,
                                   and read the key
          --demo                   No server at hand: run against the built-in simulator

    Machine:
          --server-metrics[=<URL>]  Read the server's own gauges each second: its page of metrics, or
                                    the one at this address
          --server-metrics-auth     Send API key and headers with --server-metrics, endpoint's origin
                                    only
          --gpu <SOURCE>            Where GPU figures come from: dcgm (DCGM exporters of other machines,
                                    from --gpu-metrics-url), nvml (NVIDIA's driver), amdgpu (AMD's
                                    driver), macmon (Apple GPUs, through macmon), or none [default:
                                    auto, the first that is there]
          --gpu-metrics-url <URL>   GPUs of another machine: its DCGM exporter's host, or the address of
                                    its page; repeatable

    Suite:
          --cases <FILE>             The suite [default: ./cases.toml if there is one, else the one
                                     built in]
          --case <PATTERN>           Only cases whose name contains this, in any letter case; repeatable
          --timeout <S>              Seconds after which an attempt is given up, instead of the suite's
                                     own
          --connect-timeout <S>      Seconds a connection may take, TLS included [default: the suite's,
                                     else 10]
          --first-token-timeout <S>  Seconds from the request to the first token [default: the suite's,
                                     else what --timeout leaves]
          --stall-timeout <S>        Seconds an answer that has begun may be silent [default: the
                                     suite's, else what --timeout leaves]
          --tokenizer <FILE>         A Hugging Face tokenizer.json, which counts the tokens where the
                                     server tells no usage

    Load:
          --concurrency <N>    Requests in flight at once [default: 1; with --rate no limit]
          --repeat <N>         Measured attempts per case [default: 1]
          --warmup <N>         Unmeasured requests before the first measured one [default: 0]
          --retries <N>        Send a request again, so often, that got no answer or HTTP 429, 503 or
                               529; the last try is measured [default: 0]
          --warm               Send the prompts as they are, not each with a first line that no prefix
                               cache can hold
          --duration <S>       Start cases in turn for so long, instead of --repeat
          --rate <REQ_PER_S>   Start at this rate, however fast the answers come; the queue counts
          --arrival <PROCESS>  How the starts of --rate are spread: poisson (the default) or constant
          --seed <N>           Other gaps between the starts of --rate [default: 0]
          --sweep <N,N>        The whole run at these concurrencies in turn, like 1,2,4,8,16
          --slo <THRESHOLD>    What must be reached, like 'ttft_p95<500ms', in a sweep by one stage at
                               least; else status 1; repeatable

    Output:
          --headless       No dashboard: progress on stderr, the summary on stdout
          --export <PATH>  Write a report at the end, in the format of the extension (.md .json); in the
                           dashboard also what `e` writes; repeatable
          --no-save        Do not keep the run; else `tokscope runs` lists it

    Dashboard:
          --theme <NAME>    Colours: auto, dark, light, high-contrast, mono [default: auto]
          --ascii           Only ASCII on the screen; by itself where the locale is not UTF-8
          --reduced-motion  The screen changes by itself at most twice a second
          --config <FILE>   Theme, keys, defaults of options [default: ~/.config/tokscope/config.toml]
          --print-config    Print what is in force as such a file, and where each value comes from
          --print-keys      Print all keys, and the names that such a file gives to what they do

    Examples:
      tokscope --demo                        nothing set up: a run against the built-in simulator
      tokscope http://localhost:8000/v1      the suite against a server, in the dashboard
      tokscope http://localhost:8000/v1 --headless --export report.md
                                             the same without a dashboard, with a report at the end

    Environment:
      TOKSCOPE_URL, OPENAI_BASE_URL          the endpoint, where no URL is given
      OPENAI_API_KEY                         the API key, where no option names another
      TOKSCOPE_CONFIG                        the config file, where --config names no other
      NO_COLOR                               no colours, unless a theme is named

    Exit status:
      0    all was measured
      1    some case failed, a threshold was missed, or the run was not saved in full
      2    the command line, the suite file or an export is at fault
      3    the endpoint was not reachable, or refused before anything was measured
      130  interrupted; what was measured is still reported
    ");
}

#[test]
fn the_table_of_options_is_the_help_s() {
    let table = options_markdown();
    let rows: Vec<&str> = table.lines().skip(2).collect();
    let repeat = "| `--repeat N` | Measured attempts per case [default: 1] |";
    let demo = "| `--demo` | No server at hand: run against the built-in simulator |";
    assert!(rows.contains(&repeat) && rows.contains(&demo), "{table}");
    assert!(rows.iter().all(|row| row.matches(" | ").count() == 1 && !row.contains("|  |")), "{table}");
    assert!(rows.iter().all(|row| row.matches("[default: ").count() <= 1), "a default is told once: {table}");
    // Each has its help, and none but those for every program is left out.
    let options = Cli::command().get_arguments().filter(|arg| arg.get_long().is_some()).count();
    assert_eq!(rows.len(), options, "{table}");
}

#[test]
fn bad_values_are_refused() {
    for bad in [
        &["--concurrency", "0"][..],
        &["--timeout", "-1"],
        &["--demo", "http://h"],
        &["sim", "--jitter", "2"],
        &["--rate", "0"],
        &["--rate", "fast"],
        &["--arrival", "constant"],
        &["--rate", "1", "--arrival", "uniform"],
        &["--duration", "0"],
        &["--duration", "5", "--repeat", "2"],
        &["--sweep", "4,2"],
        &["--sweep", "1,1"],
        &["--sweep", "0,1"],
        &["--sweep", "1,65537"],
        &["--concurrency", "65537"],
        &["--sweep", ""],
        &["--sweep", "1,2", "--rate", "1"],
        &["--sweep", "1,2", "--concurrency", "1"],
        &["--slo", "ttft<1ms"],
        &["--stall-timeout", "0"],
        &["--retries", "-1"],
        &["--gpu", "voodoo"],
        &["--insecure", "--cacert", "ca.pem"],
        &["--demo", "--insecure"],
        &["--demo", "--proxy", "http://p"],
    ] {
        assert!(Cli::try_parse_from(["tokscope"].iter().chain(bad)).is_err(), "{bad:?}");
    }
}
