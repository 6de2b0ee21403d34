// SPDX-License-Identifier: Apache-2.0
#include "conf/config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void test_config_of_an_empty_file_takes_every_default(void **state)
{
    const struct config *config;
    struct error err = {0};

    if (!config_load_bytes(&config, "/etc/causeway/causeway.yaml", SLICE(""), &err))
        fail_msg("%s", err.text);
    assert_string_equal(config->file, "/etc/causeway/causeway.yaml");
    assert_string_equal(config->folder, "/etc/causeway");
    assert_string_equal(config->data, "/etc/causeway/data");
    assert_null(config->org);
    assert_string_equal(config->listen.clients.address.text, "127.0.0.1:9500");
    assert_null(config->listen.clients.tls.certificate_file);
    assert_string_equal(config->listen.operators.address.text, "127.0.0.1:9502");
    assert_int_equal(config->hosts.count + config->origins.count + config->trusted_proxies.count,
                     0);
    assert_int_equal(config->upstream.kind, CONFIG_UPSTREAM_EMBEDDED);
    assert_string_equal(config->upstream.address.text, "127.0.0.1:5001");
    assert_null(config->upstream.authorization);
    assert_int_equal(config->allow, 1u << CONFIG_CLASS_TOOL | 1u << CONFIG_CLASS_READ |
                                        1u << CONFIG_CLASS_WRITE | 1u << CONFIG_CLASS_PIN |
                                        1u << CONFIG_CLASS_FILES);
    assert_true(config->workers >= 1 && config->workers <= 64);
    assert_string_equal(config_log_settings(config).access, "stdout");
    assert_int_equal(config_log_settings(config).level, LOG_LEVEL_INFO);
    assert_int_equal(config->limits.head_size, 65536);
    assert_int_equal(config->limits.head_timeout_ms, 30000);
    assert_int_equal(config->limits.idle_timeout_ms, 75000);
    assert_int_equal(config->limits.body_idle_timeout_ms, 60000);
    assert_int_equal(config->limits.min_body_rate, 64);
    assert_int_equal(config->limits.connect_timeout_ms, 5000);
    assert_int_equal(config->limits.upstream_head_timeout_ms, 60000);
    assert_int_equal(config->limits.upstream_idle_timeout_ms, 600000);
    assert_int_equal(config->limits.drain_timeout_ms, 30000);
    assert_int_equal(config->limits.connections, 20000);
    assert_int_equal(config->limits.upstream_idle_connections, 64);
    assert_int_equal(config->limits.trailer_size, 8192);
    assert_int_equal(config->limits.chunk_extension_size, 256);
    config_unref(&config);
    assert_null(config);
}

static void test_config_takes_an_embedded_node_without_an_address(void **state)
{
    const struct config *config;
    struct error err = {0};

    if (!config_load_bytes(&config, "/c.yaml", SLICE("upstream: {kind: embedded}\n"), &err))
        fail_msg("%s", err.text);
    assert_int_equal(config->upstream.kind, CONFIG_UPSTREAM_EMBEDDED);
    config_unref(&config);
}

static void test_config_reads_a_whole_file(void **state)
{
    static const char source[] =
        "org: library.example.org\n"
        "data: /var/lib/causeway\n"
        "listen:\n"
        "  clients: {address: 'unix:clients.sock'}\n"
        "  operators: {address: '[::1]:0'}\n"
        "hosts: [ipfs.example.org, 'ipfs.example.org:8443', '[fd00::1]:1', 10.0.0.1]\n"
        "origins: ['https://app.example.org', 'http://localhost:3000',\n"
        "  'chrome-extension://nibjojkomfdiaoajekhjakgkdhaomnch']\n"
        "trusted_proxies: [10.0.0.0/8]\n"
        "upstream: {kind: kubo, address: /dns4/kubo/tcp/5001}\n"
        "allow: [read, remote-pin]\n"
        "workers: 3\n"
        "log: {access: log/access.json, level: debug}\n"
        "limits: {head_size: 4 KiB, upstream_head_timeout: 0}\n";
    const struct config *config;
    struct error err = {0};

    if (!config_load_bytes(&config, "/etc/c/c.yaml", slice_of(source), &err))
        fail_msg("%s", err.text);
    assert_string_equal(config->org, "library.example.org");
    assert_string_equal(config->data, "/var/lib/causeway");
    assert_string_equal(config->listen.clients.address.text, "unix:/etc/c/clients.sock");
    assert_string_equal(config->listen.operators.address.text, "[::1]:0");
    assert_int_equal(config->hosts.count, 4);
    assert_int_equal(config->origins.count, 3);
    assert_int_equal(config->trusted_proxies.count, 1);
    assert_int_equal(config->upstream.address.kind, ADDRESS_NAME);
    assert_int_equal(config->allow, 1u << CONFIG_CLASS_READ | 1u << CONFIG_CLASS_REMOTE_PIN);
    assert_int_equal(config->workers, 3);
    assert_string_equal(config->log.access, "/etc/c/log/access.json");
    assert_int_equal(config->limits.upstream_head_timeout_ms, 0);
    config_unref(&config);
}

static void test_config_refuses_with_place_and_remedy(void **state)
{
    static const struct {
        const char *source;
        const char *says;
    } cases[] = {
        {"org: Library.example.org", ":1:6: org: 'Library.example.org' is no DNS name"},
        {"org: a..b", "no DNS name"},
        {"org: -a", "no DNS name"},
        {"org: a-.b", "no DNS name"},
        {"org: a.", "no DNS name"},
        {"listen: {clients: {address: '0.0.0.0:9500'}}", "needs a policy"},
        {"policy: policy.yaml", "a policy needs org"},
        {"{org: a.example, policy: p.yaml, allow: [read]}", "the policy says who may do what"},
        {"listen: {clients: {address: 'localhost:9500'}}", "write the IP address to listen on"},
        {"listen: {operators: {address: '192.0.2.1:9502'}}",
         ":1:31: listen.operators.address: 192.0.2.1:9502 can be reached from other machines"},
        {"listen: {partners: {address: '0.0.0.0:9501'}}", "set org"},
        {"{org: a.example, listen: {partners: {address: 'unix:/p'}}}",
         ":1:47: listen.partners.address: unix:/p: partners come from other machines"},
        {"{org: a.example, listen: {partners: {address: 'a.example:9501'}}}",
         "write the IP address to listen on"},
        {"{org: a.example, listen: {partners: {address: '0.0.0.0:0'}}}",
         "port 0 is another one at each start"},
        {"{org: a.example, listen: {partners: {advertise: 'a.example:9501'}}}",
         "set listen.partners.address"},
        {"listen: {partners: {advertise: a.example}}", "nothing that a partner can dial"},
        {"listen: {partners: {advertise: 'https://a.example:1'}}", "write host and port"},
        {"listen: {partners: {advertise: 'a.example:0'}}", "write host and port"},
        {"node: North", ":1:7: node: the node 'North' has a byte"},
        {"listen: {clients: {tls: {certificate_file: /etc/passwd}}}",
         "listen.clients.tls.certificate_file: a certificate needs its key"},
        {"listen: {clients: {tls: {key_file: /etc/passwd}}}", "a key needs its certificate"},
        {"listen: {clients: {tls: {client_ca_file: /etc/passwd}}}", "client certificates need TLS"},
        {"hosts: [IPFS.example.org]", "no host"},
        {"hosts: ['https://x']", "no host"},
        {"hosts: ['*.x']", "no host"},
        {"hosts: ['x:']", "no host"},
        {"hosts: ['x:99999']", "no host"},
        {"hosts: ['fd00::1']", "no host"},
        {"hosts: ['[fd00::1']", "no host"},
        {"origins: ['https://app.example.org/']", "no origin"},
        {"origins: ['*']", "no origin"},
        {"origins: ['null']", "no origin"},
        {"origins: ['://x']", "no origin"},
        {"origins: ['HTTPS://x']", "no origin"},
        {"origins: ['https://']", "no origin"},
        {"upstream: {kind: cluster}", "cluster is not built yet"},
        {"upstream: {kind: embedded, address: '127.0.0.1:5001'}",
         "upstream.address out, or set upstream.kind to kubo"},
        {"upstream: {kind: kubu}", "did you mean kubo?"},
        {"upstream: {kind: kubo, address: '127.0.0.1:0'}", "port 0"},
        {"upstream: {cluster_address: '127.0.0.1:9094'}", "cluster_address is not built yet"},
        {"upstream: {authorization: x}", "did you mean authorization_file?"},
        {"allow: [admin]", "unknown value 'admin'"},
        {"workers: 65", "the most is 64"},
        {"limits: {head_size: 2 KiB}", "the least is 4 KiB"},
        {"limits: {head_size: 0}", "the least is 4 KiB"},
        {"limits: {idle_timeout: 0}", "the least is 100ms"},
        {"head_timeout: 5s", "did you mean limits.head_timeout?"},
        {"log: {level: verbose}", "it is one of error, warning, info, debug"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct config *config;
        struct error err = {0};

        if (config_load_bytes(&config, "/c.yaml", slice_of(cases[i].source), &err))
            fail_msg("taken: %s", cases[i].source);
        assert_null(config);
        if (strncmp(err.text, "/c.yaml:", 8) != 0 || strstr(err.text, cases[i].says) == NULL)
            fail_msg("expected '%s', got '%s'", cases[i].says, err.text);
    }
}

static void test_config_tells_how_to_make_an_absent_file(void **state)
{
    const struct config *config;
    struct error err = {0};

    assert_false(config_load(&config, "/nowhere/causeway.yaml", &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "there is no configuration at /nowhere/causeway.yaml"));
    assert_non_null(strstr(err.text, "causeway help config"));
    assert_non_null(strstr(err.text, "--config FILE"));
}

static void test_config_loads_a_file_and_its_secret_beside_it(void **state)
{
    char folder[] = "/tmp/test_config.XXXXXX", here[4096], expected[128];
    const struct config *config;
    struct error err = {0};
    FILE *file;

    assert_non_null(getcwd(here, sizeof(here)));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    file = fopen("token", "w");
    fputs("Bearer abc\n", file);
    fclose(file);
    file = fopen("c.yaml", "w");
    fputs("upstream: {kind: kubo, authorization_file: token}\n", file);
    fclose(file);
    if (!config_load(&config, "c.yaml", &err)) /* relative to where we are */
        fail_msg("%s", err.text);
    assert_string_equal(config->upstream.authorization, "Bearer abc");
    snprintf(expected, sizeof(expected), "%s/c.yaml", folder);
    assert_string_equal(config->file, expected);
    config_unref(&config);
    unlink("token");
    unlink("c.yaml");
    assert_int_equal(chdir(here), 0);
    rmdir(folder);
}

static void test_config_find_prefers_the_option_over_the_environment(void **state)
{
    unsetenv("CAUSEWAY_CONFIG");
    assert_string_equal(config_find(NULL), "/etc/causeway/causeway.yaml");
    setenv("CAUSEWAY_CONFIG", "/env.yaml", 1);
    assert_string_equal(config_find(NULL), "/env.yaml");
    assert_string_equal(config_find("/option.yaml"), "/option.yaml");
    setenv("CAUSEWAY_CONFIG", "", 1);
    assert_string_equal(config_find(NULL), "/etc/causeway/causeway.yaml");
}

static void *ref_and_unref(void *config_)
{
    for (unsigned i = 0; i < 10000; i++) {
        const struct config *config = config_ref(config_);

        config_unref(&config);
    }
    return NULL;
}

static void test_config_tells_partners_a_name_and_a_port(void **state)
{
    static const struct {
        const char *source, *advertise;
    } cases[] = {
        {"org: a.example\nlisten: {partners: {address: '0.0.0.0:9511'}}\n", "a.example:9511"},
        {"org: a.example\nlisten:\n  partners: {address: '0.0.0.0:1', advertise: 'g.example:2'}\n",
         "g.example:2"},
        {"org: a.example\n", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct config *config;
        struct error err = {0};

        if (!config_load_bytes(&config, "/c.yaml", slice_of(cases[i].source), &err))
            fail_msg("%s", err.text);
        assert_string_equal(config->node, "main");
        if (cases[i].advertise == NULL)
            assert_null(config->listen.partners.advertise);
        else
            assert_string_equal(config->listen.partners.advertise, cases[i].advertise);
        config_unref(&config);
    }
}

static void test_config_lives_until_its_last_reference(void **state)
{
    const struct config *config, *held;
    pthread_t threads[4];

    assert_true(config_load_bytes(&config, "/c.yaml", SLICE("org: a"), NULL));
    held = config_ref(config);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ref_and_unref, (void *)config), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    config_unref(&config);
    assert_string_equal(held->org, "a");
    config_unref(&held);
    config_unref(&held); /* NULL is fine */
}

static void test_config_reference_names_every_option(void **state)
{
    static const char *const names[] = {"org",
                                        "listen.clients.tls.key_file",
                                        "trusted_proxies",
                                        "upstream.authorization_file",
                                        "log.access",
                                        "limits.chunk_extension_size"};
    size_t size;
    char *printed;
    FILE *out = open_memstream(&printed, &size);

    assert_true(config_print_reference(out, NULL));
    fclose(out);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_non_null(strstr(printed, names[i]));
    free(printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_of_an_empty_file_takes_every_default),
        cmocka_unit_test(test_config_takes_an_embedded_node_without_an_address),
        cmocka_unit_test(test_config_reads_a_whole_file),
        cmocka_unit_test(test_config_refuses_with_place_and_remedy),
        cmocka_unit_test(test_config_tells_how_to_make_an_absent_file),
        cmocka_unit_test(test_config_loads_a_file_and_its_secret_beside_it),
        cmocka_unit_test(test_config_find_prefers_the_option_over_the_environment),
        cmocka_unit_test(test_config_tells_partners_a_name_and_a_port),
        cmocka_unit_test(test_config_lives_until_its_last_reference),
        cmocka_unit_test(test_config_reference_names_every_option),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
