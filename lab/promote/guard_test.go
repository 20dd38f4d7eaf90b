package promote_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGuardDecides runs the deciding part of mysql/guard.sh, the other half of the
// fence: what a server that starts makes of the others' answers.
func TestGuardDecides(t *testing.T) {
	bash, err := exec.LookPath("bash")
	require.NoError(t, err, "mysql/guard.sh is written for bash")
	// name, uuid, writable, term, its source, follows, receiver, GTIDs
	const (
		fan1    = "slave1 r1 0 1 me me ON x:1-5"
		fan2    = "slave2 r2 0 1 me me CONNECTING x:1-5"
		fan3    = "slave3 r3 0 1 me me ON x:1-5"
		stopped = "slave2 r2 0 1 me me OFF x:1-5"
		boss    = "slave1 r1 1 2 r1 - - x:1-5,r1:1"
		bossFan = "slave2 r2 0 2 r1 r1 ON x:1-5,r1:1"
		myself  = "maestro1 me 0 1 me - - x:1-5"
	)
	for _, tt := range []struct {
		about        string
		term, holder string
		answers      []string
		want         string
	}{
		{"two replicas vouch for it: three of four", "1", "me", []string{myself, fan1, fan2}, "open"},
		{"all three do", "1", "me", []string{myself, fan1, fan2, fan3}, "open"},
		{"one does: no majority", "1", "me", []string{myself, fan1}, "wait 2 of 4"},
		{"nobody answers", "1", "me", []string{myself}, "wait 1 of 4"},
		{"a promotion has begun: stopped receivers do not vouch", "1", "me", []string{myself, fan1, stopped}, "wait 2 of 4"},
		{"another one is the source by a later term", "1", "me", []string{myself, boss, bossFan, fan3}, "follow slave1 r1 x:1-5,r1:1"},
		{"a replica knows of a later term, its source is away", "1", "me", []string{myself, bossFan, fan3, fan1}, "wait another server has been promoted (term 2"},
		{"it is the promoted one, and an old source is about", "2", "me", []string{"maestro1 old 1 1 old - - x:1-9", "slave2 r2 0 2 me me ON x:1-5", "slave3 r3 0 2 me me ON x:1-5"}, "open"},
		{"it has no data, and there is a source", "0", "-", []string{boss, bossFan}, "follow slave1 r1 x:1-5,r1:1"},
		{"it was detached by a promotion that was interrupted", "1", "other", []string{fan1, fan2}, "wait it is not the source of term 1"},
		{"writable, but not by promotion: not to be followed", "1", "me", []string{"slave1 r1 1 1 me - - x:1-5", fan2, fan3}, "open"},
	} {
		cmd := exec.Command(bash, "-c", `set -euo pipefail; source ../../mysql/guard.sh; tr ' ' '\t' | decide me "$1" "$2" 4`, "guard", tt.term, tt.holder)
		cmd.Stdin = strings.NewReader(strings.Join(tt.answers, "\n") + "\n")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", tt.about, out)
		assert.True(t, strings.HasPrefix(string(out), tt.want), "%s: want %q, got %q", tt.about, tt.want, out)
	}
}

// TestFarewell runs what mysql/guard.sh does before a server is stopped, against
// a server that is only played.
func TestFarewell(t *testing.T) {
	bash, err := exec.LookPath("bash")
	require.NoError(t, err, "mysql/guard.sh is written for bash")
	const (
		fence = "SET GLOBAL super_read_only = ON"
		leave = "SET GLOBAL rpl_semi_sync_source_enabled = OFF; SET GLOBAL offline_mode = ON"
	)
	for _, tt := range []struct {
		about    string
		readOnly string // what the server says of itself
		fencing  string // what becomes of fence, as bash
		want     []string
		not      []string
	}{
		{"a replica just stops", "1", "true", nil, []string{fence, leave}},
		{"a server that does not answer just stops", "", "true", nil, []string{fence, leave}},
		{"a source becomes read-only, and then sends everybody away", "0", "true", []string{fence, leave}, []string{"KILL 7"}},
		{"open transactions that hold it up are ended", "0", "sleep 0.5", []string{fence, "KILL 7;KILL 9", leave}, nil},
		{"what cannot be made read-only keeps its replicas", "0", "sleep 1.5; false", []string{fence, "KILL 7;KILL 9"}, []string{leave}},
	} {
		cmd := exec.Command(bash, "-c", `set -euo pipefail; source ../../docker/watch.sh; source ../../mysql/guard.sh
			log() { :; }
			ask() {
				case $2 in
					"SELECT @@GLOBAL.read_only") echo "$READ_ONLY" ;;
					"SET GLOBAL super_read_only = ON") echo "$2" >&2; eval "$FENCING" ;;
					*KILL*PROCESSLIST_ID*) echo "KILL 7;KILL 9" ;;
					*) echo "$2" >&2 ;;
				esac
			}
			farewell`)
		cmd.Env = append(os.Environ(), "READ_ONLY="+tt.readOnly, "FENCING="+tt.fencing, "OPERATOR_DB_USER=operador")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", tt.about, out)
		said := strings.Split(strings.TrimSpace(string(out)), "\n")
		at := -1
		for _, w := range tt.want {
			i := slices.Index(said, w)
			assert.Greater(t, i, at, "%s: %q in its turn in %q", tt.about, w, said)
			at = i
		}
		for _, n := range tt.not {
			assert.NotContains(t, said, n, tt.about)
		}
	}
}

// TestReceiveAgain runs what mysql/room.sh does when a full disk has room again:
// the server is ended only if its receiver waits for room, and never before all
// that it has confirmed is applied.
func TestReceiveAgain(t *testing.T) {
	bash, err := exec.LookPath("bash")
	require.NoError(t, err, "mysql/room.sh is written for bash")
	for _, tt := range []struct {
		about   string
		waiting string   // the receiver that waits for room; "0" for none
		answers []string // the receiver's state and whether all is applied, in turn; at last nothing
		want    string
	}{
		{"a receiver that goes on is left alone", "0", nil, "done, the server runs"},
		{"what is received is applied already", "7", []string{"OFF,1"}, "KILL 7; done, the server is to start again"},
		{"what is received is being applied", "7", []string{"ON,0", "OFF,0", "OFF,0", "OFF,1"}, "KILL 7; done, the server is to start again"},
		{"a look without an answer is repeated", "7", []string{"none", "OFF,0", "none", "OFF,1"}, "KILL 7; done, the server is to start again"},
		{"it has been made the source meanwhile", "7", []string{"OFF,0", "-,0"}, "KILL 7; done, the server runs"},
		{"somebody has let it receive again", "7", slices.Repeat([]string{"ON,0"}, 20), "KILL 7; done, the server runs"},
	} {
		cmd := exec.Command(bash, "-c", `set -euo pipefail
			RUN_DIR=$1; source ../../docker/watch.sh; source ../../mysql/room.sh
			ask() {
				case $2 in
					*"FROM performance_schema.threads"*) echo "$WAITING" ;;
					*"FROM performance_schema.replication_connection_status"*)
						read -r answer rest <"$RUN_DIR/answers" || true
						echo "$rest" >"$RUN_DIR/answers"
						[[ $answer != none ]] && echo "${answer/,/ }" ;;
					*) printf '%s; ' "$2" >&3 ;;
				esac
			}
			exec 3>&1
			bash -c 'read -r' <> <(:) & SERVER=$!
			if receive_again; then printf 'done, '; else printf 'not done, '; fi
			if [[ -e $RUN_DIR/again ]]; then
				wait "$SERVER" 2>/dev/null || (($? == 137)) && echo "the server is to start again"
			else
				kill "$SERVER" && echo "the server runs"
			fi`, "room", t.TempDir())
		cmd.Env = append(os.Environ(), "WAITING="+tt.waiting)
		require.NoError(t, os.WriteFile(cmd.Args[len(cmd.Args)-1]+"/answers", []byte(strings.Join(tt.answers, " ")+"\n"), 0o644))
		out, err := cmd.Output() // what bash says of a job that was killed goes to the other one
		require.NoError(t, err, "%s: %s", tt.about, out)
		assert.Equal(t, tt.want, strings.TrimSpace(string(out)), tt.about)
	}
}
