<?php
/**
 * phpMyAdmin for the four databases of the stack. Log in with an account of MySQL's
 * (docente, see .env.example) and choose the server by its name.
 */

declare(strict_types=1);

// Made anew at every start of the container (entrypoint.sh): it only encrypts the login cookie.
$cfg['blowfish_secret'] = (string) file_get_contents('/run/phpmyadmin/secret');
$cfg['TempDir'] = '/run/phpmyadmin/tmp';

// PMA_SERVERS: "host=role,host=role"; the role is only shown.
$i = 0;
foreach (explode(',', getenv('PMA_SERVERS') ?: 'maestro1=source') as $server) {
    [$host, $role] = explode('=', trim($server), 2) + [1 => ''];
    $i++;
    $cfg['Servers'][$i]['host'] = $host;
    $cfg['Servers'][$i]['port'] = '3306';
    $cfg['Servers'][$i]['verbose'] = $role === '' ? $host : "$host ($role)";
    $cfg['Servers'][$i]['auth_type'] = 'cookie';
    $cfg['Servers'][$i]['AllowNoPassword'] = false;
    // Encrypted; every server made its own certificate, so there is nobody to vouch for it.
    $cfg['Servers'][$i]['ssl'] = true;
    $cfg['Servers'][$i]['ssl_verify'] = false;
}
$cfg['ServerDefault'] = 1;
$cfg['AllowArbitraryServer'] = false;

$cfg['DefaultLang'] = 'es';
$cfg['LoginCookieValidity'] = 14400;

// Nothing is fetched from or sent to the world outside.
$cfg['VersionCheck'] = false;
$cfg['SendErrorReports'] = 'never';

// No database of phpMyAdmin's own (bookmarks, history): replicas could not be written to anyway.
$cfg['PmaNoRelation_DisableWarning'] = true;
$cfg['CheckConfigurationPermissions'] = false;
