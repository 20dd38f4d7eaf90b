package report

import "strings"

// unit is what a metric is measured in.
type unit string

const (
	unitNone  unit = ""
	unitMS    unit = "ms"
	unitShare unit = "share" // a part of one, shown in per cent
	unitRPS   unit = "/s"
	unitS     unit = "s"
	unitMB    unit = "MB"
)

// better says which way a metric is good.
type better string

const (
	betterNone   better = ""
	betterLower  better = "better.lower"
	betterHigher better = "better.higher"
	betterZero   better = "better.zero"
)

// metricInfo explains a metric key.
type metricInfo struct {
	unit    unit
	better  better
	short   phrase // for the table of scenarios
	meaning phrase
}

// metricInfos explains every metric key of the catalogue. A key may carry a
// prefix, "keepalive_p99_ms", that says under which conditions it was measured.
var metricInfos = map[string]metricInfo{
	"requests": {unitNone, betterNone, phrase{"requests", "peticiones"}, phrase{
		"requests sent and counted", "peticiones enviadas y contadas",
	}},
	"concurrency": {unitNone, betterNone, phrase{"clients", "clientes"}, phrase{
		"clients that asked at the same time", "clientes que pedían a la vez",
	}},
	"failed": {unitNone, betterZero, phrase{"failed", "fallidas"}, phrase{
		"requests without a right answer", "peticiones sin una respuesta correcta",
	}},
	"worst_ms": {unitMS, betterLower, phrase{"slowest", "más lenta"}, phrase{
		"slowest answer of all", "la respuesta más lenta de todas",
	}},
	"recover_ms": {unitMS, betterLower, phrase{"recovered in", "recuperado en"}, phrase{
		"from asking for the repair until the load was as before the fault", "desde que se pidió la reparación hasta que la carga fue como antes del fallo",
	}},
	"rps": {unitRPS, betterHigher, phrase{"throughput", "rendimiento"}, phrase{
		"answers per second over the whole load", "respuestas por segundo durante toda la carga",
	}},
	"p50_ms": {unitMS, betterLower, phrase{"p50", "p50"}, phrase{
		"half of the answers took at most this long", "la mitad de las respuestas tardó como mucho esto",
	}},
	"p95_ms": {unitMS, betterLower, phrase{"p95", "p95"}, phrase{
		"95 of 100 answers took at most this long", "95 de cada 100 respuestas tardaron como mucho esto",
	}},
	"p99_ms": {unitMS, betterLower, phrase{"p99", "p99"}, phrase{
		"99 of 100 answers took at most this long", "99 de cada 100 respuestas tardaron como mucho esto",
	}},
	"max_ms": {unitMS, betterLower, phrase{"slowest", "más lenta"}, phrase{
		"slowest answer", "la respuesta más lenta",
	}},
	"rows": {unitNone, betterNone, phrase{"rows", "filas"}, phrase{
		"rows written to the source and looked for on every replica", "filas escritas en la fuente y buscadas en cada réplica",
	}},
	"lag_p50_ms": {unitMS, betterLower, phrase{"lag p50", "retraso p50"}, phrase{
		"half of the rows were visible on the replicas within this time", "la mitad de las filas fue visible en las réplicas en este tiempo",
	}},
	"lag_p99_ms": {unitMS, betterLower, phrase{"lag p99", "retraso p99"}, phrase{
		"99 of 100 rows were visible on the replicas within this time", "99 de cada 100 filas fueron visibles en las réplicas en este tiempo",
	}},
	"lag_max_ms": {unitMS, betterLower, phrase{"lag max", "retraso máx."}, phrase{
		"the row that took longest to be visible on a replica", "la fila que más tardó en ser visible en una réplica",
	}},
	"reads": {unitNone, betterNone, phrase{"reads", "lecturas"}, phrase{
		"read requests sent", "peticiones de lectura enviadas",
	}},
	"failed_reads": {unitNone, betterZero, phrase{"failed reads", "lecturas fallidas"}, phrase{
		"read requests without a right answer", "peticiones de lectura sin una respuesta correcta",
	}},
	"writes": {unitNone, betterNone, phrase{"writes", "escrituras"}, phrase{
		"write requests that were acknowledged", "peticiones de escritura confirmadas",
	}},
	"failed_writes": {unitNone, betterZero, phrase{"failed writes", "escrituras fallidas"}, phrase{
		"write requests without a right answer", "peticiones de escritura sin una respuesta correcta",
	}},
	"catchup_ms": {unitMS, betterLower, phrase{"caught up in", "al día en"}, phrase{
		"from the repaired replica answering again until it had everything that the source had", "desde que la réplica reparada volvió a responder hasta que tuvo todo lo que tenía la fuente",
	}},
	"rows_missing": {unitNone, betterZero, phrase{"rows missing", "filas perdidas"}, phrase{
		"acknowledged rows that are not on the replica after catching up", "filas confirmadas que no están en la réplica después de ponerse al día",
	}},
	"ready_s": {unitS, betterLower, phrase{"ready", "listo"}, phrase{
		"from the start until every service was usable", "desde el inicio hasta que todos los servicios fueron utilizables",
	}},
}

// sharePrefix begins the keys of shares: share_app1 is the part of the
// requests that app1 answered.
const sharePrefix = "share_"

// explain returns what is known of a metric key: an exact entry, or the
// longest entry that the key ends with after a prefix, or what its unit suffix
// tells.
func explain(key string) (info metricInfo, prefix string) {
	if info, ok := infoOf(key); ok {
		return info, ""
	}
	for i := range key {
		if i > 0 && key[i-1] == '_' {
			if info, ok := infoOf(key[i:]); ok {
				return info, key[:i-1]
			}
		}
	}
	if i := strings.Index(key, sharePrefix); i == 0 || i > 0 && key[i-1] == '_' {
		who := key[i+len(sharePrefix):]
		return metricInfo{unitShare, betterNone, phrase{who, who}, phrase{
			"part of the requests that " + who + " answered", "parte de las peticiones que respondió " + who,
		}}, strings.TrimSuffix(key[:i], "_")
	}
	info.short = phrase{key, key}
	for suffix, u := range map[string]unit{"_ms": unitMS, "_s": unitS, "_rps": unitRPS, "_mb": unitMB} {
		if strings.HasSuffix(key, suffix) {
			info.unit = u
		}
	}
	return info, ""
}

// keyMetrics are the one or two numbers of a scenario that its line in the
// table shows. Other scenarios show their first two.
var keyMetrics = map[string][]string{
	"weights":          {"requests"},
	"headers":          {"requests"},
	"replication":      {"rows", "lag_p99_ms"},
	"app-failover":     {"failed", "worst_ms"},
	"replica-failover": {"failed_reads", "rows_missing"},
	"load":             {"rps", "p99_ms"},
}
