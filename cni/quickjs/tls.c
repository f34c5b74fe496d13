/* The module `tls` for QuickJS: one exchange over TLS, by OpenSSL. */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "quickjs.h"

#define LARGEST_ANSWER (64 << 20)

/* Throws what OpenSSL has to say, or what the system has. */
static JSValue fail(JSContext *ctx, const char *what, SSL *ssl)
{
    long verified = ssl && SSL_get_verify_mode(ssl) ? SSL_get_verify_result(ssl) : X509_V_OK;
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (verified != X509_V_OK)
        reason = X509_verify_cert_error_string(verified);
    else if (errno == ETIMEDOUT)
        reason = "does not answer in time";
    else if (reason == NULL)
        reason = errno ? strerror(errno) : "connection closed";
    return JS_ThrowTypeError(ctx, "%s: %s", what, reason);
}

/* Milliseconds of a clock that nobody sets. */
static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Whether the socket is ready before the deadline; else errno says why not. */
static int is_ready(int fd, short events, int64_t deadline)
{
    for (;;) {
        struct pollfd wait = { fd, events, 0 };
        int64_t left = deadline - now();
        int count = left > 0 ? poll(&wait, 1, left) : 0;
        if (count > 0)
            return 1;
        if (count == 0)
            errno = ETIMEDOUT;
        if (count == 0 || errno != EINTR)
            return 0;
    }
}

/* Whether a call of OpenSSL that did not succeed is to be made again, now that the socket is ready for it. */
static int is_again(SSL *ssl, int result, int64_t deadline)
{
    int error = SSL_get_error(ssl, result);
    if (error == SSL_ERROR_WANT_READ)
        return is_ready(SSL_get_fd(ssl), POLLIN, deadline);
    return error == SSL_ERROR_WANT_WRITE && is_ready(SSL_get_fd(ssl), POLLOUT, deadline);
}

static int trust(SSL_CTX *tls, const char *pem)
{
    BIO *bio;
    X509 *certificate;
    int count = 0;

    if (*pem == '\0')
        return SSL_CTX_set_default_verify_paths(tls);
    bio = BIO_new_mem_buf(pem, -1);
    while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        count += X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), certificate);
        X509_free(certificate);
    }
    BIO_free(bio);
    if (count > 0)
        ERR_clear_error(); /* the one that says that there is no further certificate */
    return count > 0;
}

static int identify(SSL_CTX *tls, const char *certificate_pem, const char *key_pem)
{
    BIO *bio = BIO_new_mem_buf(certificate_pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    EVP_PKEY *key;
    int is_done = certificate && SSL_CTX_use_certificate(tls, certificate) == 1;

    X509_free(certificate);
    while (is_done && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
        is_done = SSL_CTX_add_extra_chain_cert(tls, certificate) == 1; /* which owns it then */
    BIO_free(bio);
    if (!is_done)
        return 0;
    ERR_clear_error();
    bio = BIO_new_mem_buf(key_pem, -1);
    key = PEM_read_bio_PrivateKey(bio, NULL, NULL, ""); /* a key that needs a password: nobody is asked */
    BIO_free(bio);
    is_done = key && SSL_CTX_use_PrivateKey(tls, key) == 1;
    EVP_PKEY_free(key);
    return is_done;
}

/* Whether the socket is connected before the deadline; else errno says why not. */
static int is_connected(int fd, const struct addrinfo *address, int64_t deadline)
{
    socklen_t size = sizeof(errno);
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
        return 1;
    if ((errno != EINPROGRESS && errno != EINTR) || !is_ready(fd, POLLOUT, deadline))
        return 0;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &errno, &size) == 0 && errno == 0;
}

/* A connected socket that does not block, or -1. */
static int connect_to(const char *host, const char *port, int64_t deadline, const char **problem)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found, *address;
    int fd = -1, reason, status = getaddrinfo(host, port, &hints, &found);

    *problem = status == 0 ? NULL : gai_strerror(status);
    if (status != 0)
        return -1;
    for (address = found; address && fd < 0; address = address->ai_next) {
        /* One address that is silent leaves half of the time to the others. */
        int64_t until = address->ai_next ? (now() + deadline) / 2 : deadline;
        fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, address->ai_protocol);
        if (fd < 0 || is_connected(fd, address, until))
            continue;
        reason = errno;
        close(fd);
        errno = reason;
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

/*
 * Whether the certificate can be made to name `host`, be it a name or an address, and by the rules of Go, which all
 * clients of Kubernetes follow: no subject, no wildcard for a part of a label.
 */
static int expect(SSL *ssl, const char *host)
{
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host))
        return 1;
    ERR_clear_error();
    return SSL_set1_host(ssl, host) && SSL_set_tlsext_host_name(ssl, host);
}

static JSValue talk(JSContext *ctx, SSL *ssl, const char *request, size_t length, int64_t deadline)
{
    char *answer = NULL, *larger;
    size_t size = 0, capacity = 0, count;
    int result, is_eof;
    JSValue value;

    ERR_clear_error(); /* what SSL_get_error goes by, here and below */
    errno = 0;
    while ((result = SSL_connect(ssl)) != 1) {
        if (!is_again(ssl, result, deadline))
            return fail(ctx, "TLS", ssl);
    }
    while ((result = SSL_write_ex(ssl, request, length, &count)) != 1) {
        if (!is_again(ssl, result, deadline))
            return fail(ctx, "request", NULL);
    }
    for (;;) {
        if (capacity - size < 16384) {
            capacity = capacity ? 2 * capacity : 65536;
            larger = capacity > LARGEST_ANSWER ? NULL : js_realloc(ctx, answer, capacity);
            if (larger == NULL) {
                js_free(ctx, answer);
                return JS_ThrowTypeError(ctx, "the answer is too large");
            }
            answer = larger;
        }
        ERR_clear_error();
        errno = now() < deadline ? 0 : ETIMEDOUT;
        if (errno)
            break;
        result = SSL_read_ex(ssl, answer + size, capacity - size, &count);
        if (result == 1)
            size += count;
        else if (!is_again(ssl, result, deadline))
            break;
    }
    /* JSON that breaks off is found out by who reads it; some proxies do not take their leave. */
    is_eof = ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    if ((SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) || (is_eof && size > 0))
        value = JS_NewStringLen(ctx, answer, size);
    else
        value = fail(ctx, "answer", NULL);
    js_free(ctx, answer);
    return value;
}

enum { HOST, PORT, NAME, CA, CERTIFICATE, KEY, REQUEST, TEXTS };

/* exchange(host, port, name, ca, certificate, key, request, isInsecure, milliseconds): all of the answer. */
static JSValue exchange(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    const char *texts[TEXTS] = { NULL }, *problem;
    size_t length = 0;
    int i, fd = -1, milliseconds, is_insecure = JS_ToBool(ctx, argv[TEXTS]);
    int64_t deadline;
    SSL_CTX *tls = NULL;
    SSL *ssl = NULL;
    JSValue value = JS_EXCEPTION;

    if (JS_ToInt32(ctx, &milliseconds, argv[TEXTS + 1]) || milliseconds < 1)
        milliseconds = 1;
    deadline = now() + milliseconds;
    alarm(milliseconds / 1000 + 2); /* ends the process if a name server is silent */
    for (i = 0; i < TEXTS; i++) {
        texts[i] = JS_ToCStringLen(ctx, &length, argv[i]); /* the request comes last */
        if (texts[i] == NULL)
            goto done;
    }
    tls = SSL_CTX_new(TLS_client_method());
    if (tls == NULL) {
        value = fail(ctx, "TLS", NULL);
        goto done;
    }
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_verify(tls, is_insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    errno = 0;
    if (!is_insecure && !trust(tls, texts[CA])) {
        value = fail(ctx, "certificate authority", NULL);
        goto done;
    }
    if (*texts[CERTIFICATE] && !identify(tls, texts[CERTIFICATE], texts[KEY])) {
        value = fail(ctx, "client certificate", NULL);
        goto done;
    }
    fd = connect_to(texts[HOST], texts[PORT], deadline, &problem);
    if (fd < 0) {
        value = problem ? JS_ThrowTypeError(ctx, "%s", problem) : fail(ctx, "connect", NULL);
        goto done;
    }
    ssl = SSL_new(tls);
    if (ssl == NULL || !SSL_set_fd(ssl, fd) || !expect(ssl, texts[NAME])) {
        value = fail(ctx, "TLS", NULL);
        goto done;
    }
    value = talk(ctx, ssl, texts[REQUEST], length, deadline);
done:
    alarm(0);
    SSL_free(ssl);
    if (fd >= 0)
        close(fd);
    SSL_CTX_free(tls);
    for (i = 0; i < TEXTS; i++)
        JS_FreeCString(ctx, texts[i]);
    return value;
}

static const JSCFunctionListEntry functions[] = { JS_CFUNC_DEF("exchange", TEXTS + 2, exchange) };

static int init(JSContext *ctx, JSModuleDef *module)
{
    /* The host's own settings may name shared libraries, which are built for another libc than the one in here. */
    __nss_configure_lookup("hosts", "files dns");
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    return JS_SetModuleExportList(ctx, module, functions, 1);
}

JSModuleDef *js_init_module_tls(JSContext *ctx, const char *name)
{
    JSModuleDef *module = JS_NewCModule(ctx, name, init);
    if (module)
        JS_AddModuleExportList(ctx, module, functions, 1);
    return module;
}
