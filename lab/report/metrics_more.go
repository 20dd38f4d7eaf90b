package report

// tableInfos explains the keys of tables and of what is judged from writes,
// reads, log lines and open loops; explain looks them up like metricInfos.
var tableInfos = map[string]metricInfo{
	// Windows and percentiles.
	"p999_ms": {unitMS, betterLower, phrase{"p99.9", "p99.9"}, phrase{
		"999 of 1000 answers took at most this long", "999 de cada 1000 respuestas tardaron como mucho esto",
	}},
	"detect_ms": {unitMS, betterLower, phrase{"detected in", "detectado en"}, phrase{
		"from asking for the fault until its first bad sign reached a client: an error, or an answer slower than before", "desde que se pidió el fallo hasta que su primera mala señal llegó a un cliente: un error, o una respuesta más lenta que antes",
	}},
	"detect_log_ms": {unitMS, betterLower, phrase{"in the log after", "en el registro tras"}, phrase{
		"from asking for the fault until the first failed try stood in the balancer's log", "desde que se pidió el fallo hasta el primer intento fallido en el registro del balanceador",
	}},

	// The balancer's word.
	"answers_client": {unitNone, betterNone, phrase{"answers (client)", "respuestas (cliente)"}, phrase{
		"answers that the clients had from it", "respuestas que los clientes recibieron de ella",
	}},
	"answers_log": {unitNone, betterNone, phrase{"answers (log)", "respuestas (registro)"}, phrase{
		"answers that the balancer's access log has of it", "respuestas suyas según el registro de accesos del balanceador",
	}},
	"tries": {unitNone, betterNone, phrase{"tries", "intentos"}, phrase{
		"attempts of the balancer to have a request answered", "intentos del balanceador de obtener respuesta a una petición",
	}},
	"failed_tries": {unitNone, betterNone, phrase{"failed tries", "intentos fallidos"}, phrase{
		"attempts after which the balancer asked another one or gave up", "intentos tras los cuales el balanceador preguntó a otra o se rindió",
	}},
	"try_p50_ms": {unitMS, betterLower, phrase{"try p50", "intento p50"}, phrase{
		"half of the attempts took at most this long", "la mitad de los intentos tardó como mucho esto",
	}},
	"try_p99_ms": {unitMS, betterLower, phrase{"try p99", "intento p99"}, phrase{
		"99 of 100 attempts took at most this long", "99 de cada 100 intentos tardaron como mucho esto",
	}},
	"try_max_ms": {unitMS, betterLower, phrase{"slowest try", "intento más lento"}, phrase{
		"slowest attempt", "el intento más lento",
	}},
	"retries_unseen": {unitNone, betterNone, phrase{"unseen retries", "reintentos no vistos"}, phrase{
		"failed attempts that the balancer repaired, so that no client saw them", "intentos fallidos que el balanceador reparó, sin que ningún cliente los viera",
	}},

	// The ledger of writes.
	"acknowledged": {unitNone, betterNone, phrase{"acknowledged", "confirmadas"}, phrase{
		"writes whose answer said that they were done", "escrituras cuya respuesta dijo que se hicieron",
	}},
	"refused": {unitNone, betterNone, phrase{"refused", "rechazadas"}, phrase{
		"writes whose answer said that they were not done", "escrituras cuya respuesta dijo que no se hicieron",
	}},
	"unsure": {unitNone, betterNone, phrase{"unsure", "inciertas"}, phrase{
		"writes without an answer: they may have been done or not", "escrituras sin respuesta: pudieron hacerse o no",
	}},
	"lost": {unitNone, betterZero, phrase{"lost", "perdidas"}, phrase{
		"acknowledged writes that are not there", "escrituras confirmadas que no están",
	}},
	"duplicated": {unitNone, betterZero, phrase{"duplicated", "duplicadas"}, phrase{
		"writes that are there more than once", "escrituras que están más de una vez",
	}},
	"unsure_applied": {unitNone, betterNone, phrase{"unsure, but done", "inciertas, pero hechas"}, phrase{
		"writes without an answer that are there", "escrituras sin respuesta que sí están",
	}},
	"refused_applied": {unitNone, betterZero, phrase{"refused, but done", "rechazadas, pero hechas"}, phrase{
		"writes that were refused and are there all the same", "escrituras rechazadas que están a pesar de ello",
	}},

	// Sessions.
	"stale": {unitNone, betterNone, phrase{"stale", "atrasadas"}, phrase{
		"reads that saw an older version than the newest acknowledged one", "lecturas que vieron una versión anterior a la más nueva confirmada",
	}},
	"stale_reads": {unitNone, betterNone, phrase{"stale reads", "lecturas atrasadas"}, phrase{
		"reads that saw an older version than the newest acknowledged one", "lecturas que vieron una versión anterior a la más nueva confirmada",
	}},
	"read_your_writes": {unitNone, betterZero, phrase{"own write unseen", "escritura propia no vista"}, phrase{
		"reads that did not see what the same session had written before", "lecturas que no vieron lo que la misma sesión había escrito antes",
	}},
	"ryw_violations": {unitNone, betterZero, phrase{"own writes unseen", "escrituras propias no vistas"}, phrase{
		"reads that did not see what the same session had written before", "lecturas que no vieron lo que la misma sesión había escrito antes",
	}},
	"monotonic": {unitNone, betterZero, phrase{"went back", "retrocesos"}, phrase{
		"reads that saw less than an earlier read of the same session", "lecturas que vieron menos que una lectura anterior de la misma sesión",
	}},
	"monotonic_violations": {unitNone, betterZero, phrase{"reads that went back", "lecturas que retroceden"}, phrase{
		"reads that saw less than an earlier read of the same session", "lecturas que vieron menos que una lectura anterior de la misma sesión",
	}},
	"stalest_ms": {unitMS, betterLower, phrase{"stalest", "la más atrasada"}, phrase{
		"how long the most outdated value that was read had been replaced", "cuánto hacía que estaba sustituido el valor más anticuado que se leyó",
	}},

	// Lag, measured in three ways.
	"idle_lag_p99_ms": {unitMS, betterLower, phrase{"idle lag p99", "retraso p99 en reposo"}, phrase{
		"99 of 100 rows were visible on the replicas within this time while nothing else was written", "99 de cada 100 filas fueron visibles en las réplicas en este tiempo sin otras escrituras",
	}},
	"applier_p99_ms": {unitMS, betterLower, phrase{"commit to commit p99", "de commit a commit p99"}, phrase{
		"99 of 100 transactions were committed on the replicas within this time after the source, by the servers' time stamps", "99 de cada 100 transacciones se confirmaron en las réplicas en este tiempo después de la fuente, según las marcas de tiempo de los servidores",
	}},
	"sbs_max_s": {unitS, betterLower, phrase{"seconds behind, max", "segundos de atraso, máx."}, phrase{
		"largest Seconds_Behind_Source that a replica told; it counts whole seconds only", "mayor Seconds_Behind_Source que dijo una réplica; solo cuenta segundos enteros",
	}},
	"applier_p50_ms": {unitMS, betterLower, phrase{"commit to commit p50", "de commit a commit p50"}, phrase{
		"half of the transactions were applied within this time, by the servers' time stamps", "la mitad de las transacciones se aplicó en este tiempo, según las marcas de tiempo de los servidores",
	}},
	"applier_max_ms": {unitMS, betterLower, phrase{"commit to commit max", "de commit a commit máx."}, phrase{
		"the transaction that took longest to be applied, by the servers' time stamps", "la transacción que más tardó en aplicarse, según las marcas de tiempo de los servidores",
	}},
	"sbs_p50_s": {unitS, betterNone, phrase{"seconds behind, p50", "segundos de atraso, p50"}, phrase{
		"half of the answers of Seconds_Behind_Source were at most this", "la mitad de las respuestas de Seconds_Behind_Source fue como mucho esto",
	}},
	"sbs_p99_s": {unitS, betterNone, phrase{"seconds behind, p99", "segundos de atraso, p99"}, phrase{
		"99 of 100 answers of Seconds_Behind_Source were at most this", "99 de cada 100 respuestas de Seconds_Behind_Source fueron como mucho esto",
	}},
	"sbs_nulls": {unitNone, betterNone, phrase{"seconds behind, NULL", "segundos de atraso, NULL"}, phrase{
		"how often Seconds_Behind_Source was NULL", "cuántas veces Seconds_Behind_Source fue NULL",
	}},

	// Open and closed loops.
	"rate_asked": {unitRPS, betterNone, phrase{"asked", "pedido"}, phrase{
		"requests per second that the open loop was to send", "peticiones por segundo que el bucle abierto debía enviar",
	}},
	"failed_share": {unitShare, betterLower, phrase{"failed", "fallidas"}, phrase{
		"part of the requests without a right answer", "parte de las peticiones sin una respuesta correcta",
	}},
	"behind_ms": {unitMS, betterLower, phrase{"sent late by", "enviadas con retraso de"}, phrase{
		"by how much the latest request was sent after it was due: the sender could not keep up", "con cuánto retraso se envió la petición más tardía: el emisor no dio abasto",
	}},
	"knee_rps": {unitRPS, betterHigher, phrase{"knee", "codo"}, phrase{
		"highest rate asked at which every goal still held", "mayor ritmo pedido con el que aún se cumplían todos los objetivos",
	}},
	"goal_p99_ms": {unitMS, betterNone, phrase{"goal p99", "objetivo p99"}, phrase{
		"p99 up to which a rate counts as carried", "p99 hasta el que un ritmo cuenta como soportado",
	}},
	"goal_failed_share": {unitShare, betterNone, phrase{"goal failed", "objetivo fallidas"}, phrase{
		"part of failed requests up to which a rate counts as carried", "parte de peticiones fallidas hasta la que un ritmo cuenta como soportado",
	}},
	"unsent": {unitNone, betterNone, phrase{"not sent", "no enviadas"}, phrase{
		"requests that were due and that a closed loop did not send, since it waited", "peticiones que tocaban y que un bucle cerrado no envió, porque esperaba",
	}},
	"closed_p99_ms": {unitMS, betterNone, phrase{"closed loop p99", "p99 en bucle cerrado"}, phrase{
		"99 of 100 answers took at most this long as a closed loop measured it", "99 de cada 100 respuestas tardaron como mucho esto según un bucle cerrado",
	}},
	"open_p99_ms": {unitMS, betterNone, phrase{"open loop p99", "p99 en bucle abierto"}, phrase{
		"99 of 100 answers came at most this long after they were due, as an open loop measured it", "99 de cada 100 respuestas llegaron como mucho esto después de lo debido según un bucle abierto",
	}},

	// More of the ledger and of the sessions.
	"there": {unitNone, betterNone, phrase{"there", "presentes"}, phrase{
		"writes whose row was found at the server", "escrituras cuya fila se encontró en el servidor",
	}},
	"superseded": {unitNone, betterNone, phrase{"overwritten", "sobrescritas"}, phrase{
		"acknowledged writes that a later write of the same thing has replaced", "escrituras confirmadas que otra posterior de lo mismo ha sustituido",
	}},
	"strangers": {unitNone, betterZero, phrase{"strangers", "ajenas"}, phrase{
		"rows that nobody wrote", "filas que nadie escribió",
	}},
	"after_own_write": {unitNone, betterNone, phrase{"read after own write", "leídas tras escribir"}, phrase{
		"reads of something that the same session had written before", "lecturas de algo que la misma sesión había escrito antes",
	}},
	"read_again": {unitNone, betterNone, phrase{"read again", "releídas"}, phrase{
		"reads of something that the same session had read before", "lecturas de algo que la misma sesión ya había leído",
	}},
	"weight": {unitNone, betterNone, phrase{"weight", "peso"}, phrase{
		"expected weight in the balancer", "peso esperado en el balanceador",
	}},
	"p90_ms": {unitMS, betterLower, phrase{"p90", "p90"}, phrase{
		"90 of 100 answers took at most this long", "90 de cada 100 respuestas tardaron como mucho esto",
	}},
	"absorb_ms": {unitMS, betterLower, phrase{"absorbed in", "absorbido en"}, phrase{
		"from the fault taking effect until the load was as before, while the fault lasted", "desde que el fallo tuvo efecto hasta que la carga fue como antes, mientras el fallo duraba",
	}},
	"restored_ms": {unitMS, betterLower, phrase{"share back in", "cuota de vuelta en"}, phrase{
		"from asking for the repair until the instance answered its share again", "desde que se pidió la reparación hasta que la instancia volvió a responder su cuota",
	}},

	// Failover of the source.
	"resume_ms": {unitMS, betterLower, phrase{"writes again after", "escrituras de nuevo tras"}, phrase{
		"from asking for the fault until acknowledged writes came again", "desde que se pidió el fallo hasta que volvieron a llegar escrituras confirmadas",
	}},
	"pause_ms": {unitMS, betterLower, phrase{"writes stood still", "escrituras paradas"}, phrase{
		"longest pause between two acknowledged writes after the fault was asked for", "la pausa más larga entre dos escrituras confirmadas después de pedir el fallo",
	}},
	"ahead": {unitNone, betterNone, phrase{"tried unheard", "intentadas sin réplica"}, phrase{
		"writes under way while no replica heard the source", "escrituras en curso mientras ninguna réplica oía a la fuente",
	}},
	"ahead_acknowledged": {unitNone, betterNone, phrase{"acknowledged unheard", "confirmadas sin réplica"}, phrase{
		"writes acknowledged while no replica heard the source", "escrituras confirmadas mientras ninguna réplica oía a la fuente",
	}},

	// One instance, and what else changes while the load goes on.
	"slow_share": {unitShare, betterNone, phrase{"slow visits", "visitas lentas"}, phrase{
		"part of the visits during the fault that took longer than 99 of 100 at the other instances", "parte de las visitas durante el fallo que tardó más que 99 de cada 100 en las otras instancias",
	}},
	"old_address_tries": {unitNone, betterZero, phrase{"tries at the old address", "intentos en la dirección antigua"}, phrase{
		"attempts at an instance's old address after the new one had begun to serve", "intentos en la dirección antigua de una instancia cuando la nueva ya servía",
	}},
	"restarted": {unitNone, betterNone, phrase{"restarted", "reiniciadas"}, phrase{
		"instances that were restarted and were healthy again", "instancias que se reiniciaron y volvieron a estar sanas",
	}},
	"streams_again": {unitNone, betterNone, phrase{"streams opened again", "flujos reabiertos"}, phrase{
		"times that a stream of live updates was cut and opened again", "veces que un flujo de cambios en vivo se cortó y se volvió a abrir",
	}},
	"stream_edits": {unitNone, betterNone, phrase{"edits to be told", "cambios por anunciar"}, phrase{
		"acknowledged edits that the streams had to tell, over all streams", "cambios confirmados que los flujos debían anunciar, sumando todos",
	}},
	"reloads": {unitNone, betterNone, phrase{"reloads", "recargas"}, phrase{
		"reloads of the balancer that were proven by new workers", "recargas del balanceador demostradas por procesos de trabajo nuevos",
	}},
	"write_stall_ms": {unitMS, betterLower, phrase{"writes stood still", "escrituras paradas"}, phrase{
		"longest time without any acknowledged write, from asking for the fault on", "mayor tiempo sin ninguna escritura confirmada, desde que se pidió el fallo",
	}},
	"behind_most": {unitNone, betterNone, phrase{"behind by", "atrasada en"}, phrase{
		"transactions of the source that the broken replica lacked at most", "transacciones de la fuente que faltaban como máximo en la réplica rota",
	}},
	"rebuild_ms": {unitMS, betterLower, phrase{"rebuilt in", "reconstruida en"}, phrase{
		"from asking for the copy of the source until the replica followed again", "desde que se pidió la copia de la fuente hasta que la réplica volvió a seguirla",
	}},
	"start_ms": {unitMS, betterLower, phrase{"all healthy in", "todo sano en"}, phrase{
		"from starting the first service until all of them were healthy", "desde que se arrancó el primer servicio hasta que todos estuvieron sanos",
	}},
	"writable_ms": {unitMS, betterLower, phrase{"writable in", "se escribe en"}, phrase{
		"from starting the first service until a write was acknowledged", "desde que se arrancó el primer servicio hasta que se confirmó una escritura",
	}},
	"selects_before": {unitNone, betterNone, phrase{"SELECTs before", "SELECT antes"}, phrase{
		"SELECTs of tables that the server executed before the fault", "SELECT de tablas que el servidor ejecutó antes del fallo",
	}},
	"selects_during": {unitNone, betterNone, phrase{"SELECTs during", "SELECT durante"}, phrase{
		"SELECTs of tables that the server executed while the fault lasted", "SELECT de tablas que el servidor ejecutó mientras duraba el fallo",
	}},
	"selects_after": {unitNone, betterNone, phrase{"SELECTs after", "SELECT después"}, phrase{
		"SELECTs of tables that the server executed when all was well again", "SELECT de tablas que el servidor ejecutó cuando todo volvió a estar bien",
	}},

	// What a check can find.
	"n": {unitNone, betterNone, phrase{"n", "n"}, phrase{
		"requests counted", "peticiones contadas",
	}},
	"down": {unitShare, betterNone, phrase{"found, if lower", "detectado, si es menor"}, phrase{
		"smallest share too little that would be found", "la menor cuota de menos que se detectaría",
	}},
	"up": {unitShare, betterNone, phrase{"found, if higher", "detectado, si es mayor"}, phrase{
		"smallest share too much that would be found", "la menor cuota de más que se detectaría",
	}},
	"power_smallest_error": {unitShare, betterLower, phrase{"smallest error found", "menor error detectado"}, phrase{
		"smallest error of a share that the check finds in 95 of 100 runs", "menor error de una cuota que la comprobación detecta en 95 de cada 100 ejecuciones",
	}},
}

// infoOf is what is known of exactly this key.
func infoOf(key string) (metricInfo, bool) {
	if info, ok := metricInfos[key]; ok {
		return info, true
	}
	info, ok := tableInfos[key]
	return info, ok
}
