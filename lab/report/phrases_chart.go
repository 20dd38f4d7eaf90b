package report

// chartPhrases are the fixed texts in and around the charts.
var chartPhrases = map[string]phrase{
	"chart.shares":   {"shares of the requests", "cuotas de las peticiones"},
	"chart.timeline": {"requests over time", "peticiones en el tiempo"},
	"chart.lag":      {"replication lag", "retraso de la replicación"},
	"chart.latency":  {"answer times", "tiempos de respuesta"},
	"nodata.title":   {"No data for the chart of %s", "Sin datos para el gráfico de %s"},
	"nodata.shares": {
		"No data: no answer named its instance, and the access log was not counted.",
		"Sin datos: ninguna respuesta nombró su instancia, y no se contó el registro de accesos.",
	},
	"nodata.requests": {"No data: no request was recorded.", "Sin datos: no se registró ninguna petición."},
	"nodata.lag":      {"No data: no lag was measured.", "Sin datos: no se midió ningún retraso."},
	"nodata.latency":  {"No data: no request was answered.", "Sin datos: ninguna petición obtuvo respuesta."},

	"axis.time":       {"time since the scenario began (s)", "tiempo desde el inicio del escenario (s)"},
	"axis.rate":       {"answers per second", "respuestas por segundo"},
	"axis.answer":     {"answer time (ms)", "tiempo de respuesta (ms)"},
	"axis.answer.log": {"answer time (ms, log)", "tiempo de respuesta (ms, log)"},
	"axis.lag":        {"lag (ms)", "retraso (ms)"},
	"axis.lag.log":    {"lag (ms, log)", "retraso (ms, log)"},
	"axis.share":      {"share of the requests (%)", "cuota de las peticiones (%)"},
	"axis.instance":   {"instance", "instancia"},
	"axis.percentile": {"part of the answers that were at least this fast", "parte de las respuestas que fue al menos así de rápida"},

	"band.full":     {"%s: in effect %.2f–%.2f s, gone at %.2f s", "%s: en efecto %.2f–%.2f s, reparado a los %.2f s"},
	"band.unhealed": {"%s: in effect from %.2f s, not seen to be gone", "%s: en efecto desde %.2f s, no se vio reparado"},
	"band.never":    {"%s: not seen to take effect", "%s: no se vio que surtiera efecto"},
	"bands.caption": {
		"Grey bands are the faults: dark while proven to be in effect, light on the way in and out.",
		"Las franjas grises son los fallos provocados: oscuras mientras su efecto está comprobado, claras al entrar y al salir.",
	},

	"shares.expected":         {"expected by weight", "esperado por peso"},
	"shares.header":           {"by the answers' header (n = %s)", "según la cabecera de las respuestas (n = %s)"},
	"shares.log":              {"by the access log (n = %s)", "según el registro de accesos (n = %s)"},
	"shares.band":             {"±2σ of a purely random choice", "±2σ de una elección puramente al azar"},
	"shares.title":            {"Largest difference from the expected share: %s percentage points (%s)", "Mayor diferencia con la cuota esperada: %s puntos porcentuales (%s)"},
	"shares.title.unexpected": {"Shares of the requests; the record does not say which were expected", "Cuotas de las peticiones; el registro no dice cuáles se esperaban"},
	"shares.caption": {
		"Bars of one group should be equally high. The bracket shows how far a random choice with the same weights would scatter in 95 of 100 runs of %s requests; a weighted round robin stays well inside it.",
		"Las barras de un grupo deben ser igual de altas. El corchete muestra cuánto se dispersaría una elección al azar con los mismos pesos en 95 de cada 100 ejecuciones de %s peticiones; un reparto circular ponderado queda muy dentro de él.",
	},
	"shares.alt":          {"Bar chart of the shares per instance. %s", "Gráfico de barras de las cuotas por instancia. %s"},
	"shares.alt.expected": {"expected %s", "esperado %s"},
	"shares.alt.none":     {"not expected", "no esperada"},
	"shares.alt.header":   {"by header %s", "por cabecera %s"},
	"shares.alt.log":      {"by access log %s", "por registro de accesos %s"},

	"timeline.title":     {"%s requests, %s; the slowest took %s, sent at %s", "%s peticiones, %s; la más lenta tardó %s, enviada a los %s"},
	"timeline.none":      {"none failed", "ninguna falló"},
	"timeline.some":      {"%s failed, sent between %s and %s", "%s fallaron, enviadas entre %s y %s"},
	"timeline.failed":    {"failed requests (%s)", "peticiones fallidas (%s)"},
	"timeline.median":    {"median answer time", "tiempo de respuesta mediano"},
	"timeline.median.of": {"median of %s", "mediana de %s"},
	"timeline.range":     {"fastest to slowest answer", "de la respuesta más rápida a la más lenta"},
	"timeline.caption": {
		"Above: answers per second from each instance, counted in steps of %s. Below: how long answers took, drawn at the moment when the request was sent; each bar spans the fastest to the slowest of its moment, so no outlier is hidden.",
		"Arriba: respuestas por segundo de cada instancia, contadas en pasos de %s. Abajo: cuánto tardaron las respuestas, en el momento en que se envió la petición; cada barra va de la más rápida a la más lenta de su momento, así que no se oculta ningún valor extremo.",
	},
	"timeline.alt.instance": {"%s answered %s requests", "%s respondió %s peticiones"},

	"lag.title":   {"Half of the lags were at most %s, 99 of 100 at most %s, the largest %s", "La mitad de los retrasos fue como mucho %s, 99 de cada 100 como mucho %s, el mayor %s"},
	"lag.entry":   {"%s: p50 %s, p99 %s (n = %s)", "%s: p50 %s, p99 %s (n = %s)"},
	"lag.alt":     {"Line chart of the replication lag over time. %s", "Gráfico de líneas del retraso de la replicación en el tiempo. %s"},
	"lag.caption": {"Each line is one replica: how long after the source had a row the replica had it too. Low and even is good; a peak is a replica that fell behind.", "Cada línea es una réplica: cuánto después que la fuente tuvo una fila la tuvo también la réplica. Bajo y parejo es bueno; un pico es una réplica que se atrasó."},

	"latency.title":  {"%s: half of the answers took at most %s, 99 of 100 at most %s", "%s: la mitad de las respuestas tardó como mucho %s, 99 de cada 100 como mucho %s"},
	"latency.entry":  {"%s: p50 %s, p95 %s, p99 %s, slowest %s (n = %s)", "%s: p50 %s, p95 %s, p99 %s, la más lenta %s (n = %s)"},
	"latency.failed": {", %s failed are not in the curve", ", %s fallidas no están en la curva"},
	"latency.alt":    {"Percentile curves of the answer times. %s", "Curvas de percentiles de los tiempos de respuesta. %s"},
	"latency.caption": {
		"Read it from below: the curve over 99 % shows the time that 99 of 100 answers did not exceed; to the right every further nine has the same room, since that is where users wait. Markers stand at 50, 95 and 99 %.",
		"Se lee desde abajo: la curva sobre 99 % muestra el tiempo que 99 de cada 100 respuestas no superaron; hacia la derecha cada nueve más ocupa el mismo espacio, pues ahí es donde los usuarios esperan. Las marcas están en 50, 95 y 99 %.",
	},
}
