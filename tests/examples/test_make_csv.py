"""examples/make_csv.py writes what its arguments say, the same every time, and with a signal."""

import pytest

from examples import fits, make_csv


def plan(directory, **changes):
    return make_csv.Plan(directory, **({"megabytes": 1, "files": 3, "features": 8, "seed": 0} | changes))


def test_the_files_together_have_the_size_that_was_asked_for(tmp_path):
    paths = make_csv.write(plan(tmp_path, megabytes=2, files=4))

    assert [path.name for path in paths] == ["part-000.csv", "part-001.csv", "part-002.csv", "part-003.csv"]
    assert sum(path.stat().st_size for path in paths) == pytest.approx(2e6, rel=0.02)
    assert sorted(tmp_path.iterdir()) == paths


def test_the_same_arguments_give_the_same_bytes_and_another_seed_gives_others(tmp_path):
    first, again, other = (
        make_csv.write(plan(tmp_path / name, seed=seed))[1].read_bytes()
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )

    assert first == again
    assert first != other


def test_files_differ_from_each_other(tmp_path):
    first, second, _ = (path.read_bytes() for path in make_csv.write(plan(tmp_path)))

    assert first != second


def test_every_user_may_read_the_files(tmp_path):
    [path] = make_csv.write(plan(tmp_path, files=1))

    assert path.stat().st_mode & 0o444 == 0o444


def test_trees_learn_more_from_the_files_than_a_straight_line_and_no_more_than_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr(fits, "_worker", lambda: "here")
    [path] = make_csv.write(plan(tmp_path, files=1, megabytes=0.4))
    data = fits.join([fits.read(str(path))], seed=0)

    trees = fits.cross_validate({"model": "gradient boosting", "max_iter": 60}, data, 0).accuracy
    line = fits.cross_validate({"model": "logistic regression"}, data, 0).accuracy

    assert 0.6 < line < trees - 0.03
    assert trees < 1 - make_csv.WRONG_LABELS


def test_foreign_csv_files_in_the_directory_are_named_and_nothing_is_written(tmp_path):
    (tmp_path / "mine.csv").write_text("a\n1\n")

    with pytest.raises(SystemExit, match=r"holds 1 CSV files that this run would not replace \(mine\.csv"):
        make_csv.write(plan(tmp_path))

    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


def test_a_second_run_replaces_its_own_files(tmp_path):
    make_csv.write(plan(tmp_path, seed=1))

    paths = make_csv.write(plan(tmp_path, seed=2))

    assert sorted(tmp_path.iterdir()) == paths


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"files": 0}, "--files: 0 is too little; give at least 1"),
        ({"megabytes": 0}, "--megabytes: 0 is too little; give at least 0.001"),
        ({"features": 5}, "--features: 5 is too little; give at least 6"),
    ],
)
def test_too_little_is_refused_with_what_would_do(tmp_path, changes, message):
    with pytest.raises(SystemExit, match=message):
        make_csv.write(plan(tmp_path, **changes))


def test_the_command_line_says_what_it_wrote(tmp_path, capsys):
    make_csv.main([str(tmp_path), "--megabytes", "0.1", "--files", "2"])

    assert capsys.readouterr().out.startswith(f"2 files, 0.1 MB in {tmp_path}")
