# shellcheck shell=bash
# Images as archives in the layout of OCI, from which each node's containerd takes them: no registry is there. Sourced, never run.

# put_blob FOLDER: keeps standard input under its digest in the layout; prints descriptor fields.
put_blob() {
    local folder=$1/blobs/sha256 digest
    mkdir -p "$folder"
    cat >"$folder/new"
    digest=$(sha256sum "$folder/new" | cut -d' ' -f1)
    mv "$folder/new" "$folder/$digest"
    printf '"digest": "sha256:%s", "size": %d' "$digest" "$(stat -c %s "$folder/$digest")"
}

# write_image NAME FOLDER CONFIG: an archive of what is in the folder, with the fields of the config that OCI calls `config`.
write_image() {
    local name=$1 root=$2 settings=$3 layout layer config manifest media=application/vnd.oci.image
    layout=$(mktemp -d)
    layer=$(tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$root" -cf - . | put_blob "$layout")
    config=$(printf '{"architecture": "%s", "os": "linux", "config": %s, "rootfs": {"type": "layers", "diff_ids": [%s]}}' \
        "$(arch_of_here)" "$settings" "$(grep -o '"sha256:[^"]*"' <<<"$layer")" | put_blob "$layout")
    manifest=$(printf '{"schemaVersion": 2, "mediaType": "%s.manifest.v1+json", "config": {"mediaType": "%s.config.v1+json", %s}, "layers": [{"mediaType": "%s.layer.v1.tar", %s}]}' \
        "$media" "$media" "$config" "$media" "$layer" | put_blob "$layout")
    printf '{"schemaVersion": 2, "manifests": [{"mediaType": "%s.manifest.v1+json", %s, "annotations": {"io.containerd.image.name": "%s"}}]}' \
        "$media" "$manifest" "$name" >"$layout/index.json"
    echo '{"imageLayoutVersion": "1.0.0"}' >"$layout/oci-layout"
    tar -C "$layout" -cf "$ARCHIVES/$(tr /: __ <<<"$name").tar" .
    rm -rf "$layout"
}

# put_program ROOT PATH PROGRAM: a program and the libraries that it is linked with.
put_program() {
    local library
    install -D -m 755 "$3" "$1$2"
    while read -r library; do install -D -m 755 "$library" "$1$library"; done \
        < <(ldd "$3" 2>/dev/null | grep -o '/[^ ]*')
}

# image_of_program NAME PROGRAM [USER [ARGUMENTS]]: of a program, and nothing else.
image_of_program() {
    local root
    root=$(mktemp -d)
    put_program "$root" /program "$2"
    write_image "$1" "$root" '{"Entrypoint": ["/program"], "Cmd": '"${4:-[]}"', "User": "'"${3:-65534:65534}"'"}'
    rm -rf "$root"
}

# image_of_commands NAME PROGRAM…: of programs that are found by their names.
image_of_commands() {
    local name=$1 root program
    root=$(mktemp -d)
    shift
    for program; do put_program "$root" "/usr/bin/${program##*/}" "$program"; done
    write_image "$name" "$root" '{"Env": ["PATH=/usr/bin"], "User": "65534:65534"}'
    rm -rf "$root"
}
