<?php
// Answers 200 when PHP runs, can speak to MySQL, and has its configuration and its secret.
// The databases' own health checks look after the databases.
$ok = extension_loaded('mysqli')
    && is_readable('/etc/phpmyadmin/config.inc.php')
    && filesize('/run/phpmyadmin/secret') === 32
    && is_writable('/run/phpmyadmin/tmp');
http_response_code($ok ? 200 : 503);
header('Content-Type: text/plain');
echo $ok ? "ok\n" : "not usable\n";
