package report

// phrases are the fixed texts of the report and of the summary. The
// templates and the code name them by key.
var phrases = map[string]phrase{
	// Headline.
	"passed":       {"%s of %s scenarios passed", "%s de %s escenarios superados"},
	"failed.list":  {"failed: %s", "fallidos: %s"},
	"unknown.list": {"could not be judged: %s", "no concluyentes: %s"},
	"skipped.list": {"skipped: %s", "omitidos: %s"},
	"nothing":      {"no scenario was run", "no se ejecutó ningún escenario"},

	// Notices at the top.
	"notice.damaged": {
		"The record is damaged: %s. This report shows what is whole before that line.",
		"El registro está dañado: %s. Este informe muestra lo que está íntegro antes de esa línea.",
	},
	"notice.cut": {
		"The run was cut off before its end. This report shows what was recorded until then.",
		"La ejecución se interrumpió antes de terminar. Este informe muestra lo registrado hasta entonces.",
	},
	"rejudged.differ": {
		"Judged again from the record, with the rules of today, these scenarios come out differently than they were recorded: %s. What stands here is the judgement of today.",
		"Juzgados de nuevo a partir del registro, con las reglas de hoy, estos escenarios resultan distintos de lo registrado: %s. Lo que figura aquí es el juicio de hoy.",
	},
	"rejudged.same": {
		"Judged again from the record: %s; the same outcome as recorded.",
		"Juzgado de nuevo a partir del registro: %s; el mismo resultado que el registrado.",
	},
	"rejudged.some": {
		"Judged again from the record: %s; a different outcome than recorded: %s.",
		"Juzgado de nuevo a partir del registro: %s; un resultado distinto del registrado: %s.",
	},
	"rejudged.kept": {
		"Kept as recorded: %s; what was observed there is not in the record whole (an older lab, or cut off), or this lab does not know the scenario.",
		"Se mantiene lo registrado: %s; lo observado allí no está completo en el registro (un laboratorio más antiguo, o interrumpido), o este laboratorio no conoce el escenario.",
	},
	"scenarios.one":  {"%s scenario", "%s escenario"},
	"scenarios.many": {"%s scenarios", "%s escenarios"},

	// Head and table of scenarios.
	"title.default": {"Lab report", "Informe del laboratorio"},
	"author":        {"Author", "Autor"},
	"started":       {"Started", "Inicio"},
	"duration":      {"Duration", "Duración"},
	"ready":         {"Stack ready after", "Sistema listo tras"},
	"ready.already": {"it was running already", "ya estaba en marcha"},
	"scenarios":     {"Scenarios", "Escenarios"},
	"scenario":      {"Scenario", "Escenario"},
	"verdict":       {"Verdict", "Veredicto"},
	"key":           {"Key numbers", "Cifras clave"},
	"legend.unknown": {
		"UNKNOWN means that the lab could not tell: it failed to measure or saw too little. It does not say that the stack is wrong.",
		"NO CONCLUYENTE significa que el laboratorio no pudo decidir: no logró medir o vio muy poco. No dice que el sistema esté mal.",
	},
	"legend.skipped": {
		"SKIPPED means that the stack lacks what the scenario needs, so nothing was tried.",
		"OMITIDO significa que al sistema le falta lo que el escenario necesita, así que no se intentó nada.",
	},

	// One scenario.
	"hypothesis":      {"Hypothesis", "Hipótesis"},
	"fault":           {"Fault", "Fallo provocado"},
	"notclaimed":      {"What a pass does not claim", "Lo que un resultado superado no afirma"},
	"reason":          {"Why", "Por qué"},
	"checks":          {"Wanted and got", "Esperado y obtenido"},
	"checks.none":     {"No check was made.", "No se hizo ninguna comprobación."},
	"check":           {"Check", "Comprobación"},
	"want":            {"Wanted", "Esperado"},
	"got":             {"Got", "Obtenido"},
	"open":            {"What did not pass, and what to try", "Lo que no se superó y qué probar"},
	"hint":            {"What to try", "Qué probar"},
	"hint.none":       {"The check gives no hint: look at the steps, the charts and the containers' logs.", "La comprobación no da pistas: mire los pasos, los gráficos y los registros de los contenedores."},
	"metrics":         {"Measured", "Medido"},
	"metric":          {"Metric", "Métrica"},
	"value":           {"Value", "Valor"},
	"meaning":         {"Meaning", "Significado"},
	"better.lower":    {"lower is better", "menos es mejor"},
	"better.higher":   {"higher is better", "más es mejor"},
	"better.zero":     {"should be 0", "debe ser 0"},
	"steps":           {"What was done", "Qué se hizo"},
	"steps.note":      {"Times count from the start of the scenario.", "Los tiempos cuentan desde el inicio del escenario."},
	"phase.asked":     {"injection begins", "comienza la inyección"},
	"phase.in_effect": {"proven to be in effect", "efecto comprobado"},
	"phase.healing":   {"repair begins", "comienza la reparación"},
	"phase.healed":    {"proven to be gone", "desaparición comprobada"},
	"charts":          {"Charts", "Gráficos"},
	"figure":          {"Figure %d", "Figura %d"},
	"table":           {"Table %d", "Tabla %d"},
	"reproduce":       {"How to reproduce", "Cómo reproducirlo"},

	// Tail.
	"again":       {"To run all of it again", "Para repetirlo todo"},
	"about":       {"How this report was made", "Cómo se hizo este informe"},
	"machine":     {"Machine", "Máquina"},
	"os":          {"System", "Sistema"},
	"kernel":      {"Kernel", "Núcleo"},
	"cpu":         {"Processor", "Procesador"},
	"cores.one":   {"%s core", "%s núcleo"},
	"cores.many":  {"%s cores", "%s núcleos"},
	"memory":      {"Memory", "Memoria"},
	"versions":    {"Versions", "Versiones"},
	"images":      {"Images", "Imágenes"},
	"images.off":  {"built on the official images of a container registry", "construidas sobre las imágenes oficiales de un registro de contenedores"},
	"images.deb":  {"built on a Debian base that the lab made itself, because no container registry answered", "construidas sobre una base Debian que hizo el propio laboratorio, porque ningún registro de contenedores respondía"},
	"images.none": {"their origin was not recorded", "no se registró su procedencia"},
	"project":     {"Compose project", "Proyecto de Compose"},
	"not.said":    {"not recorded", "no registrado"},
	"numbers":     {"The numbers", "Los números"},
	"numbers.latency": {
		"An answer's time is measured at the client, from sending the request until the answer was read whole.",
		"El tiempo de una respuesta se mide en el cliente, desde que se envía la petición hasta que se leyó la respuesta completa.",
	},
	"numbers.failed": {
		"In the charts a request counts as failed when it got no answer, or one with a status other than 2xx.",
		"En los gráficos una petición cuenta como fallida si no obtuvo respuesta, o si su estado no fue 2xx.",
	},
	"numbers.percentile": {
		"Percentiles are nearest-rank: p99 is the smallest measured time that at least 99 of 100 answers did not exceed. Nothing is interpolated.",
		"Los percentiles son de rango más cercano: p99 es el menor tiempo medido que al menos 99 de cada 100 respuestas no superaron. Nada se interpola.",
	},
	"numbers.charts": {
		"Charts of many requests are thinned so that the lowest and the highest value of every pixel column stay: no outlier is lost.",
		"Los gráficos con muchas peticiones se reducen de modo que en cada columna de píxeles quedan el valor menor y el mayor: no se pierde ningún valor extremo.",
	},
	"numbers.machine": {
		"Clients, balancer, instances and databases shared this one machine, so absolute speeds say little about another one; compare runs made on the same machine.",
		"Clientes, balanceador, instancias y bases de datos compartieron esta única máquina, así que las velocidades absolutas dicen poco sobre otra; compare ejecuciones hechas en la misma máquina.",
	},
	"raw": {"Raw data", "Datos en bruto"},
	"raw.text": {
		"everything above was computed from [events.jsonl](events.jsonl), one event a line; [result.json](result.json) has the verdicts, checks and metrics for programs, [junit.xml](junit.xml) the checks for CI systems, [requests.csv](requests.csv) a row for every request.",
		"todo lo anterior se calculó a partir de [events.jsonl](events.jsonl), un evento por línea; [result.json](result.json) tiene los veredictos, comprobaciones y métricas para programas, [junit.xml](junit.xml) las comprobaciones para sistemas de integración continua, [requests.csv](requests.csv) una fila por petición.",
	},
	"numbers.bare": {
		"The figures are told in words here; report.html, which the run keeps beside its record, has them drawn.",
		"Aquí las figuras se cuentan con palabras; report.html, que la ejecución guarda junto a su registro, las tiene dibujadas.",
	},

	// Terminal.
	"try":       {"try", "pruebe"},
	"want.s":    {"want", "esperado"},
	"got.s":     {"got", "obtenido"},
	"report.at": {"Report", "Informe"},
}
