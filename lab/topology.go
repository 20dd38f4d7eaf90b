package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"gopkg.in/yaml.v3"
)

// Topology is what is expected of a stack: the roles of its services and the
// numbers they must keep to. What runs is the Compose file's business; this
// says what it should amount to, so that a stack that somebody else wrote can
// be judged too.
type Topology struct {
	Schema    int        `yaml:"schema" json:"schema"`
	Balancer  Balancer   `yaml:"balancer" json:"balancer"`
	Instances []Instance `yaml:"instances" json:"instances"`
	Paths     Paths      `yaml:"paths" json:"paths"`
	Login     *Login     `yaml:"login" json:"login,omitempty"`
	Database  *Database  `yaml:"database" json:"database,omitempty"`

	// IdempotencyHeader carries a key with which a write may be sent again and
	// happens once (IETF draft "The Idempotency-Key HTTP Header Field"); "" for none.
	IdempotencyHeader string `yaml:"idempotency_header" json:"idempotency_header,omitempty"`
}

// Balancer is the service that spreads the requests.
type Balancer struct {
	Service        string `yaml:"service" json:"service"`
	Port           int    `yaml:"port" json:"port"`                       // inside the container
	IdentityHeader string `yaml:"identity_header" json:"identity_header"` // names the instance in an answer
	AccessLog      bool   `yaml:"access_log" json:"access_log"`           // JSON, one object a line, on stdout
	Workers        int    `yaml:"workers" json:"workers"`                 // processes that balance; 0 counts as 1
	SharedState    bool   `yaml:"shared_state" json:"shared_state"`       // the workers share their position (NGINX: zone)
}

// Instance is one app instance and its weight in the balancer.
type Instance struct {
	Service string `yaml:"service" json:"service"`
	Weight  int    `yaml:"weight" json:"weight"`
}

// Paths are the pages that the lab asks for.
type Paths struct {
	Home      string `yaml:"home" json:"home"`           // public, cheap
	Whoami    string `yaml:"whoami" json:"whoami"`       // answers the received headers as JSON
	Inventory string `yaml:"inventory" json:"inventory"` // needs a login
	Products  string `yaml:"products" json:"products"`   // JSON API: POST creates, GET lists
	Live      string `yaml:"live" json:"live,omitempty"` // needs a login; server-sent events of changes
}

// Login is how the lab logs in through the JSON API.
type Login struct {
	Path        string `yaml:"path" json:"path"`
	User        string `yaml:"user" json:"user"`
	UserEnv     string `yaml:"user_env" json:"-"` // environment variable that overrides User
	Password    string `yaml:"password" json:"-"`
	PasswordEnv string `yaml:"password_env" json:"-"` // environment variable that overrides Password
}

// Database is the replicated database.
type Database struct {
	Source      string   `yaml:"source" json:"source"`
	Replicas    []string `yaml:"replicas" json:"replicas"`
	Port        int      `yaml:"port" json:"port"` // inside the containers
	Name        string   `yaml:"name" json:"name"`
	User        string   `yaml:"user" json:"user"`
	UserEnv     string   `yaml:"user_env" json:"-"` // environment variable that overrides User
	Password    string   `yaml:"password" json:"-"`
	PasswordEnv string   `yaml:"password_env" json:"-"` // environment variable that overrides Password

	// Operator may fence, repoint and open servers, and Replication is whom replicas
	// log in as at their source. `lab promote` needs both, nothing else does.
	Operator    *Account `yaml:"operator" json:"-"`
	Replication *Account `yaml:"replication" json:"-"`
}

// Account is a user of the database and his password.
type Account struct {
	User        string `yaml:"user"`
	UserEnv     string `yaml:"user_env"` // environment variable that overrides User
	Password    string `yaml:"password"`
	PasswordEnv string `yaml:"password_env"` // environment variable that overrides Password
}

// ReadTopology reads and checks a topology file. Unknown keys are errors, so
// that a misspelt one does not silently expect nothing.
func ReadTopology(path string) (*Topology, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read topology: %w", err)
	}
	t, err := ParseTopology(b)
	if err != nil {
		return nil, fmt.Errorf("read topology %s: %w", path, err)
	}
	return t, nil
}

// ParseTopology is ReadTopology for content already read.
func ParseTopology(b []byte) (*Topology, error) {
	var t Topology
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&t); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the file is empty")
		}
		return nil, err
	}
	if err := t.validate(); err != nil {
		return nil, err
	}
	return &t, nil
}

// Resolve replaces users and passwords by the environment variables that the
// topology names for them, where getenv has a value. Pass the environment that
// the stack was started with, so that a .env file counts.
func (t *Topology) Resolve(getenv func(name string) string) {
	set := func(value *string, name string) {
		if name == "" {
			return
		}
		if v := getenv(name); v != "" {
			*value = v
		}
	}
	if l := t.Login; l != nil {
		set(&l.User, l.UserEnv)
		set(&l.Password, l.PasswordEnv)
	}
	if d := t.Database; d != nil {
		set(&d.User, d.UserEnv)
		set(&d.Password, d.PasswordEnv)
		for _, a := range []*Account{d.Operator, d.Replication} {
			if a != nil {
				set(&a.User, a.UserEnv)
				set(&a.Password, a.PasswordEnv)
			}
		}
	}
}

// Services lists the services that the topology speaks of.
func (t *Topology) Services() []string {
	var all []string
	if t.Balancer.Service != "" {
		all = append(all, t.Balancer.Service)
	}
	for _, in := range t.Instances {
		all = append(all, in.Service)
	}
	if d := t.Database; d != nil {
		all = append(append(all, d.Source), d.Replicas...)
	}
	return all
}

func (t *Topology) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if t.Schema != 1 {
		bad("schema is %d, this lab reads 1", t.Schema)
	}
	if t.Balancer.Service != "" && (t.Balancer.Port < 1 || t.Balancer.Port > 65535) {
		bad("balancer.port is %d, want the port inside the container (1–65535)", t.Balancer.Port)
	}
	seen := make(map[string]bool)
	for i, in := range t.Instances {
		if in.Service == "" {
			bad("instances[%d] has no service", i)
		}
		if seen[in.Service] {
			bad("instances[%d]: %q stands there twice", i, in.Service)
		}
		seen[in.Service] = true
		if in.Weight < 1 {
			bad("instances[%d] (%s): weight is %d, want 1 or more", i, in.Service, in.Weight)
		}
	}
	if d := t.Database; d != nil {
		if d.Source == "" {
			bad("database.source is missing")
		}
		if d.Port < 1 || d.Port > 65535 {
			bad("database.port is %d, want the port inside the containers (1–65535)", d.Port)
		}
		if d.Operator != nil && d.Operator.User == "" {
			bad("database.operator has no user")
		}
		if d.Replication != nil && d.Replication.User == "" {
			bad("database.replication has no user")
		}
	}
	return errors.Join(errs...)
}

// TotalWeight is the sum of the instances' weights.
func (t *Topology) TotalWeight() int {
	sum := 0
	for _, in := range t.Instances {
		sum += in.Weight
	}
	return sum
}

// Unmet says why a stack like t cannot be asked for n, or "" when it can.
func (t *Topology) Unmet(n Needs) string {
	switch {
	case n.Balancer && t.Balancer.Service == "":
		return "the topology names no balancer"
	case n.AccessLog && !t.Balancer.AccessLog:
		return "the topology says that the balancer writes no JSON access log (balancer.access_log)"
	case n.Instances > len(t.Instances):
		return fmt.Sprintf("it takes %d app instances, the topology names %d", n.Instances, len(t.Instances))
	case n.Source && t.Database == nil:
		return "the topology names no database"
	case n.Replicas > 0 && t.Database == nil, t.Database != nil && n.Replicas > len(t.Database.Replicas):
		return fmt.Sprintf("it takes %d replicas, the topology names fewer", n.Replicas)
	case n.Whoami && t.Paths.Whoami == "":
		return "the topology names no page that echoes the received headers (paths.whoami)"
	case n.Login && (t.Login == nil || t.Paths.Inventory == ""):
		return "the topology names no login and inventory page"
	case n.Operator && (t.Database == nil || t.Database.Operator == nil || t.Database.Replication == nil):
		return "the topology names no accounts that may promote a replica (database.operator, database.replication)"
	case n.Live && t.Paths.Live == "":
		return "the topology names no stream of live updates (paths.live)"
	}
	return ""
}
