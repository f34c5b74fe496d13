/*
 * The module `process` for QuickJS: starts a program. `os.exec` closes every descriptor that a process may have, one
 * by one, of which some runtimes allow a billion; and it does not tell why a program cannot be started.
 */
#define _GNU_SOURCE
#include <spawn.h>
#include <string.h>

#include "quickjs.h"

/* spawn(path, environment, stdin, stdout, stderr): the process id, or minus the errno. */
static JSValue spawn(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    posix_spawn_file_actions_t actions;
    const char *path = JS_ToCString(ctx, argv[0]), *environment, *line;
    char *arguments[] = { (char *)path, NULL }, **lines = NULL;
    size_t length = 0, count = 0;
    int target, fd, error;
    pid_t pid;
    JSValue value = JS_EXCEPTION;

    posix_spawn_file_actions_init(&actions);
    environment = JS_ToCStringLen(ctx, &length, argv[1]);
    if (path == NULL || environment == NULL)
        goto done;
    lines = js_mallocz(ctx, (length + 1) * sizeof(*lines)); /* each ends with a NUL, so there are no more */
    if (lines == NULL)
        goto done;
    for (line = environment; line < environment + length; line += strlen(line) + 1)
        lines[count++] = (char *)line;
    for (target = 0; target < 3; target++) {
        if (JS_ToInt32(ctx, &fd, argv[2 + target]))
            goto done;
        posix_spawn_file_actions_adddup2(&actions, fd, target);
    }
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    error = posix_spawn(&pid, path, &actions, NULL, arguments, lines);
    value = JS_NewInt32(ctx, error ? -error : pid);
done:
    posix_spawn_file_actions_destroy(&actions);
    js_free(ctx, lines);
    JS_FreeCString(ctx, environment);
    JS_FreeCString(ctx, path);
    return value;
}

static const JSCFunctionListEntry functions[] = { JS_CFUNC_DEF("spawn", 5, spawn) };

static int init(JSContext *ctx, JSModuleDef *module)
{
    return JS_SetModuleExportList(ctx, module, functions, 1);
}

JSModuleDef *js_init_module_process(JSContext *ctx, const char *name)
{
    JSModuleDef *module = JS_NewCModule(ctx, name, init);
    if (module)
        JS_AddModuleExportList(ctx, module, functions, 1);
    return module;
}
