package lab_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
)

const goodTopology = `
schema: 1
balancer: {service: lb, port: 80, identity_header: X-Served-By}
instances: [{service: a, weight: 2}, {service: b, weight: 1}]
paths: {whoami: /whoami}
database: {source: db, replicas: [r1], port: 3306, name: x, user: u, user_env: LAB_TEST_USER, password: p, password_env: LAB_TEST_PASSWORD,
  operator: {user: op, password: o, password_env: LAB_TEST_OPERATOR}}
`

func TestParseTopology(t *testing.T) {
	top, err := lab.ParseTopology([]byte(goodTopology))
	require.NoError(t, err)
	assert.Equal(t, 3, top.TotalWeight())
	assert.Equal(t, "p", top.Database.Password)
	env := map[string]string{"LAB_TEST_PASSWORD": "from the environment", "LAB_TEST_USER": "ada", "LAB_TEST_OPERATOR": "secret"}
	top.Resolve(func(name string) string { return env[name] })
	assert.Equal(t, "from the environment", top.Database.Password)
	assert.Equal(t, "ada", top.Database.User)
	assert.Equal(t, "secret", top.Database.Operator.Password)
	recorded, err := json.Marshal(top)
	require.NoError(t, err)
	assert.NotContains(t, string(recorded), "secret", "passwords are never recorded")
	top.Resolve(func(string) string { return "" })
	assert.Equal(t, "ada", top.Database.User, "what is not set changes nothing")
	assert.Equal(t, []string{"lb", "a", "b", "db", "r1"}, top.Services())
}

func TestParseTopologyRefuses(t *testing.T) {
	for _, tc := range []struct{ why, yaml, want string }{
		{"nothing", "", "empty"},
		{"a key that does not exist", "schema: 1\nbalancr: {}\n", "line 2: field balancr not found"},
		{"a newer schema", "schema: 2\n", "schema is 2"},
		{"no port", "schema: 1\nbalancer: {service: lb}\n", "balancer.port is 0"},
		{"a weight of nought", "schema: 1\ninstances: [{service: a}]\n", "weight is 0"},
		{"an instance twice", "schema: 1\ninstances: [{service: a, weight: 1}, {service: a, weight: 2}]\n", "twice"},
		{"a database without a source", "schema: 1\ndatabase: {port: 3306}\n", "database.source"},
		{"an operator without a name", "schema: 1\ndatabase: {port: 1, source: x, operator: {password: y}}\n", "database.operator has no user"},
		{"two mistakes at once: the second", "schema: 2\ndatabase: {port: 99999, source: x}\n", "database.port is 99999"},
	} {
		_, err := lab.ParseTopology([]byte(tc.yaml))
		assert.ErrorContains(t, err, tc.want, tc.why)
	}
}

func TestReadTopologyNamesTheFile(t *testing.T) {
	_, err := lab.ReadTopology("nowhere.yaml")
	assert.ErrorContains(t, err, "nowhere.yaml")
	path := filepath.Join(t.TempDir(), "bad.yaml")
	require.NoError(t, os.WriteFile(path, []byte("schema: x"), 0o644))
	_, err = lab.ReadTopology(path)
	assert.ErrorContains(t, err, "bad.yaml")
}

func TestUnmet(t *testing.T) {
	top, err := lab.ParseTopology([]byte(goodTopology))
	require.NoError(t, err)
	for _, tc := range []struct {
		needs lab.Needs
		want  string // "" when they are met
	}{
		{lab.Needs{Balancer: true, Instances: 2, Source: true, Replicas: 1}, ""},
		{lab.Needs{Instances: 3}, "3 app instances, the topology names 2"},
		{lab.Needs{Replicas: 2}, "2 replicas"},
		{lab.Needs{AccessLog: true}, "access log"},
		{lab.Needs{Login: true}, "login"},
	} {
		got := top.Unmet(tc.needs)
		if tc.want == "" {
			assert.Empty(t, got, "%+v", tc.needs)
		} else {
			assert.Contains(t, got, tc.want, "%+v", tc.needs)
		}
	}
	bare, err := lab.ParseTopology([]byte("schema: 1"))
	require.NoError(t, err)
	assert.Contains(t, bare.Unmet(lab.Needs{Source: true}), "no database")
	assert.Contains(t, bare.Unmet(lab.Needs{Balancer: true}), "no balancer")
	assert.Contains(t, bare.Unmet(lab.Needs{Replicas: 1}), "1 replica")
}
