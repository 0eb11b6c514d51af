"""local.apply against an API in memory: what up and preview do to objects, hooks and Jobs, and what is pruned."""

GREETING = "/api/v1/namespaces/ns/configmaps/greeting"


def test_the_first_line_says_that_there_is_no_engine(stack):
    _, out, _ = stack("preview")

    assert out.splitlines()[0].startswith("No Pulumi engine: the program is applied directly, without state or history")


def test_up_creates_what_the_program_registers_and_prints_its_outputs(stack, api):
    code, out, _ = stack("up", job=True)

    assert code == 0
    assert {path.rpartition("/")[2] for path in api.objects} == {"ns", "greeting", "service", "secret", "job"}
    assert "  nodePort: 31234\n" in out
    assert "  password: [secret]\n" in out
    assert "swordfish" not in out
    assert "up: 5 create, 0 unchanged" in out


def test_whole_numbers_arrive_as_integers(stack, api):
    stack("up")

    port = api.objects["/api/v1/namespaces/ns/services/service"]["spec"]["ports"][0]["port"]
    assert (type(port), port) == (int, 80)


def test_a_second_up_writes_nothing(stack, api):
    stack("up", job=True)
    api.writes.clear()

    code, out, _ = stack("up", job=True)

    assert code == 0
    assert api.writes == []
    assert "up: 5 unchanged" in out


def test_a_preview_writes_nothing_even_for_a_namespace_that_does_not_exist(stack, api):
    code, out, _ = stack("preview", job=True)

    assert code == 0
    assert api.writes == []
    assert "preview: 5 create, 0 unchanged" in out


def test_a_preview_of_a_change_names_the_field_and_both_values(stack):
    stack("up")

    _, out, _ = stack("preview", greeting="ciao")

    assert " ~ update  ConfigMap ns/greeting\n       ~ data.text: hello -> ciao\n" in out


def test_an_ignored_field_keeps_its_live_value(stack, api):
    stack("up", kept="first")

    code, out, _ = stack("up", kept="second")

    assert code == 0
    assert api.objects[GREETING]["data"]["kept"] == "first"
    assert "5 unchanged" in out or "4 unchanged" in out


def test_a_changed_replacement_trigger_deletes_and_creates_again(stack, api):
    stack("up", trigger=1)
    before = api.objects[GREETING]["metadata"]["uid"]

    _, out, _ = stack("up", trigger=2)

    assert "+- replace ConfigMap ns/greeting  (the replacement trigger changed)" in out
    assert api.objects[GREETING]["metadata"]["uid"] != before


def test_a_job_with_a_changed_template_is_replaced(stack):
    stack("up", job=True, command="exit 0")

    _, out, _ = stack("up", job=True, command="true")

    assert "+- replace Job ns/job  (a changed field is immutable)" in out
    assert "command[2]: exit 0 -> true" in out


def test_what_is_no_longer_registered_is_pruned_after_everything_else(stack, api):
    stack("up", extra=["one", "two"])
    api.writes.clear()

    code, _, _ = stack("up", extra=["two", "three"])

    assert code == 0
    assert api.writes == [
        ("apply", "/api/v1/namespaces/ns/configmaps/three"),
        ("delete", "/api/v1/namespaces/ns/configmaps/one"),
    ]


def test_nothing_is_pruned_when_something_failed(stack, api):
    stack("up", extra=["one"])
    api.refuse["/api/v1/namespaces/ns/configmaps/two"] = (403, "exceeded quota: small")

    code, out, _ = stack("up", extra=["two"])

    assert code == 1
    assert "/api/v1/namespaces/ns/configmaps/one" in api.objects
    assert "error: two (kubernetes:core/v1:ConfigMap): exceeded quota: small\n" in out
    assert "nothing was pruned" in out
    assert "Traceback" not in out


def test_objects_of_others_with_the_same_label_are_left_alone(stack, api):
    stack("up", extra=["strangers"])
    api.objects["/api/v1/namespaces/ns/configmaps/strangers"]["metadata"]["managedFields"] = [{"manager": "kopf"}]

    stack("up")

    assert "/api/v1/namespaces/ns/configmaps/strangers" in api.objects


def test_our_object_is_pruned_although_an_operator_has_adopted_it(stack, api):
    stack("up", extra=["adopted"])
    adopted = api.objects["/api/v1/namespaces/ns/configmaps/adopted"]["metadata"]
    adopted["ownerReferences"] = [{"kind": "DaskCluster", "controller": True}]

    stack("up")

    assert "/api/v1/namespaces/ns/configmaps/adopted" not in api.objects


def test_protected_objects_are_neither_pruned_nor_taken_down(stack, api):
    stack("up", extra=["kept"], options={"protect": True})

    pruned, out, _ = stack("up")
    down, _, _ = stack("down")

    assert (pruned, down) == (1, 1)
    assert "protected, so nothing was deleted: ConfigMap ns/kept" in out
    assert "/api/v1/namespaces/ns/configmaps/kept" in api.objects


def test_a_protected_object_is_not_replaced(stack, api):
    stack("up", trigger=1)
    api.objects[GREETING]["metadata"]["annotations"]["local-apply/protect"] = "true"

    code, out, _ = stack("up", trigger=2)

    assert code == 1
    assert "ConfigMap ns/greeting would be replaced, and it is protected" in out


def test_an_object_to_be_retained_stays_when_it_is_no_longer_registered(stack, api):
    stack("up", extra=["kept"], options={"retain_on_delete": True})

    code, out, _ = stack("up")

    assert (code, "delete" in out) == (0, False)
    assert "/api/v1/namespaces/ns/configmaps/kept" in api.objects


def test_hooks_see_the_old_and_the_new_values(stack):
    stack("up")

    _, out, _ = stack("up", greeting="ciao")

    assert "hook for greeting: {'kept': 'first', 'text': 'hello'} -> {'kept': 'first', 'text': 'ciao'}" in out.replace(
        "{'text': 'hello', 'kept': 'first'}", "{'kept': 'first', 'text': 'hello'}"
    ).replace("{'text': 'ciao', 'kept': 'first'}", "{'kept': 'first', 'text': 'ciao'}")


def test_a_hook_runs_in_a_preview_only_when_it_asks_for_it(stack):
    _, asked, _ = stack("preview")
    code, not_asked, _ = stack("preview", refuse=True)

    assert "hook for greeting" in asked
    assert code == 0
    assert "is not wanted" not in not_asked


def test_a_failing_hook_fails_its_resource_before_it_is_made(stack, api):
    code, out, _ = stack("up", refuse=True)

    assert code == 1
    assert "error: greeting (kubernetes:core/v1:ConfigMap): before create: greeting is not wanted" in out
    assert GREETING not in api.objects


def test_a_failed_job_fails_up_with_its_reason_and_is_replaced_next_time(stack, api):
    api.job_condition = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "no luck"}
    code, out, _ = stack("up", job=True)
    api.job_condition = {"type": "Complete", "status": "True"}

    again, words, _ = stack("up", job=True)

    assert (code, again) == (1, 0)
    assert "Job ns/job failed (BackoffLimitExceeded: no luck)" in out
    assert "+- replace Job ns/job  (the last run failed: BackoffLimitExceeded: no luck)" in words
