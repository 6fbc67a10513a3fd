"""Show a Run: every report is made from Run files alone.

    run.py       Run and its parts; load_run(path), save_run(run, path), merge(runs); RunFileError, RunMergeError
    html/        render_report(run, specs) -> str              the self-contained page of one Run
    matrix.py    render_matrix(runs, specs) -> str             clauses by version and subject, as a page
                 print_matrix(runs, specs, console=None)       ... and in the terminal
    diff.py      diff_runs(before, after) -> RunDiff           what changed between two Runs; RunDiffError where they
                                                               did not run the same programs
                 encode_diff(diff) -> bytes                    as JSON
                 print_diff(diff, console=None)                in the terminal
                 render_diff(diff, specs) -> str               as a page
    junit.py     write_junit(run, path)                        JUnit XML: a case for each clause, law and finding
    sarif.py     write_sarif(run, path, specs)                 SARIF 2.1.0
    annotations.py  github_annotations(run) -> str             workflow commands, one line for each finding
    terminal.py  Progress(total, seconds, console=None)        a context manager: advance(programs), found(finding)
                 print_summary(run, console=None)              one screen
    evidence.py  what clauses, verdicts and findings have in common in every report;  headline.py  a Run in one sentence
    files.py     write_atomically(path, data)                  any output, whole or not at all

``specs`` is what ``specs.load.load()`` returns. ``console`` is a ``rich.console.Console``; by default one for standard
output that honours ``NO_COLOR`` and prints plainly into a pipe.
"""
