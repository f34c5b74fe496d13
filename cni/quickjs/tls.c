/* The module `tls` for QuickJS: one exchange over TLS, by OpenSSL. All that the programs have to be C for. */
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
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
    else if (errno == EAGAIN || errno == EINPROGRESS)
        reason = "does not answer in time";
    else if (reason == NULL)
        reason = errno ? strerror(errno) : "connection closed";
    return JS_ThrowTypeError(ctx, "%s: %s", what, reason);
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
    key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    is_done = key && SSL_CTX_use_PrivateKey(tls, key) == 1;
    EVP_PKEY_free(key);
    return is_done;
}

/* A connected socket whose every wait is limited, or -1. */
static int connect_to(const char *host, const char *port, int milliseconds, const char **problem)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found, *address;
    struct timeval limit = { milliseconds / 1000, milliseconds % 1000 * 1000 };
    int fd = -1, status = getaddrinfo(host, port, &hints, &found);

    *problem = NULL;
    if (status != 0) {
        *problem = gai_strerror(status);
        return -1;
    }
    for (address = found; address && fd < 0; address = address->ai_next) {
        fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, address->ai_protocol);
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
        if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
            int reason = errno;
            close(fd);
            errno = reason;
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

/* Whether the certificate has to name `host`, be it a name or an address. */
static int expect(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *parameters = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host))
        return 1;
    ERR_clear_error();
    return SSL_set1_host(ssl, host) && SSL_set_tlsext_host_name(ssl, host);
}

static JSValue talk(JSContext *ctx, SSL *ssl, const char *request, size_t length)
{
    char *answer = NULL, *larger;
    size_t size = 0, capacity = 0, count;
    int is_eof;
    JSValue value;

    errno = 0;
    if (SSL_connect(ssl) != 1)
        return fail(ctx, "TLS", ssl);
    if (SSL_write_ex(ssl, request, length, &count) != 1)
        return fail(ctx, "request", NULL);
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
        errno = 0;
        if (SSL_read_ex(ssl, answer + size, capacity - size, &count) != 1)
            break;
        size += count;
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
    SSL_CTX *tls = NULL;
    SSL *ssl = NULL;
    JSValue value = JS_EXCEPTION;

    if (JS_ToInt32(ctx, &milliseconds, argv[TEXTS + 1]) || milliseconds < 1)
        milliseconds = 1;
    alarm(milliseconds / 1000 + 2); /* ends the process if a server drips, or a name server is silent */
    for (i = 0; i < TEXTS; i++) {
        texts[i] = JS_ToCStringLen(ctx, &length, argv[i]); /* the request comes last */
        if (texts[i] == NULL)
            goto done;
    }
    tls = SSL_CTX_new(TLS_client_method());
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
    fd = connect_to(texts[HOST], texts[PORT], milliseconds, &problem);
    if (fd < 0) {
        value = problem ? JS_ThrowTypeError(ctx, "%s", problem) : fail(ctx, "connect", NULL);
        goto done;
    }
    ssl = SSL_new(tls);
    if (!SSL_set_fd(ssl, fd) || !expect(ssl, texts[NAME])) {
        value = fail(ctx, "TLS", NULL);
        goto done;
    }
    value = talk(ctx, ssl, texts[REQUEST], length);
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
    return JS_SetModuleExportList(ctx, module, functions, 1);
}

JSModuleDef *js_init_module_tls(JSContext *ctx, const char *name)
{
    JSModuleDef *module = JS_NewCModule(ctx, name, init);
    if (module)
        JS_AddModuleExportList(ctx, module, functions, 1);
    return module;
}
