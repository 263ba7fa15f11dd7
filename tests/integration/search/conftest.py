"""Search engines assembled from the jars that their publishers have on Maven Central, as their archives would unpack."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_obscheck.errors import ProgramMissing


@dataclass(frozen=True)
class Module:
    """What an engine loads in a class loader of its own: its artifact, and its plugin's class."""

    artifact: str
    plugin: str


@dataclass(frozen=True)
class Engine:
    """One release: its Maven group, main class, the prefix of its environment variables, and its modules by name.

    ``beside``: what its archive has beside what its jar says that it needs.
    """

    name: str
    version: str
    group: str
    main: str
    prefix: str
    modules: Mapping[str, Module]
    beside: tuple[str, ...] = ()


NETTY = "transport-netty4-client"
# x-pack-core knows the settings that every release of its publisher knows, and says what may be licensed.
ELASTICSEARCH = Engine(
    "elasticsearch",
    "7.17.29",
    "org.elasticsearch",
    "org.elasticsearch.bootstrap.Elasticsearch",
    "ES",
    {
        "transport-netty4": Module(NETTY, "org.elasticsearch.transport.Netty4Plugin"),
        "x-pack-core": Module("x-pack-core", "org.elasticsearch.xpack.core.XPackPlugin"),
    },
)
OPENSEARCH = Engine(
    "opensearch",
    "2.19.1",
    "org.opensearch",
    "org.opensearch.bootstrap.OpenSearch",
    "OPENSEARCH",
    {"transport-netty4": Module(NETTY, "org.opensearch.transport.Netty4Plugin")},
    ("org.opensearch:opensearch-plugin-classloader:2.19.1", "org.apache.logging.log4j:log4j-core:2.21.0"),
)
ENGINES = {engine.name: engine for engine in (ELASTICSEARCH, OPENSEARCH)}

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>assembled</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>{dependencies}</dependencies>
</project>
"""
# The publisher's other plugins are modules of their own.
DEPENDENCY = """<dependency>
  <groupId>{0}</groupId><artifactId>{1}</artifactId><version>{2}</version>
  <exclusions><exclusion><groupId>{engine}.plugin</groupId><artifactId>*</artifactId></exclusion></exclusions>
</dependency>"""
# The published jars come without the descriptors and policies of the archives.
DESCRIPTOR = """description={name}
version={version}
name={name}
classname={plugin}
java.version=1.8
{engine}.version={version}
extended.plugins=
has.native.controller=false
"""
POLICY = """grant {
  permission java.util.PropertyPermission "*", "read,write";
  permission java.io.FilePermission "/proc/sys/net/core/somaxconn", "read";
  permission java.lang.RuntimePermission "setFactory";
  permission java.lang.RuntimePermission "getClassLoader";
  permission java.lang.RuntimePermission "setContextClassLoader";
  permission java.net.SocketPermission "*", "accept,connect,resolve";
};
"""
LAUNCHER = """#!/bin/sh
export LIBFFI_TMPDIR="$TMPDIR"
exec java -XX:TieredStopAtLevel=1 -Djava.security.manager=allow -Dlog4j2.disable.jmx=true -Djna.nosys=true \
  -Dio.netty.noUnsafe=true ${prefix}_JAVA_OPTS -D{es}.path.home={home} \
  -D{es}.path.conf="${prefix}_PATH_CONF" -D{es}.distribution.type=tar -D{es}.bundled_jdk=false -cp '{home}/lib/*' {main} "$@"
"""


def assemble(engine: Engine, home: Path) -> Path:
    """Return the folder with the engine's program, which keeps nothing in it; a minute where Maven has fetched nothing yet."""
    _copy(engine, home / "lib", f"{engine.group}:{engine.name}:{engine.version}", *engine.beside)
    server = {jar.name for jar in (home / "lib").iterdir()}
    for name, module in engine.modules.items():
        folder = home / "modules" / name
        _copy(engine, folder, f"{engine.group}.plugin:{module.artifact}:{engine.version}")
        for jar in server & {jar.name for jar in folder.iterdir()}:
            (folder / jar).unlink()
        told = DESCRIPTOR.format(name=name, version=engine.version, plugin=module.plugin, engine=engine.name)
        (folder / "plugin-descriptor.properties").write_text(told)
        (folder / "plugin-security.policy").write_text(POLICY)
    for name in ("plugins", "bin"):
        (home / name).mkdir()
    program = home / "bin" / engine.name
    launcher = LAUNCHER.format(prefix=engine.prefix, es=engine.prefix.lower(), home=home, main=engine.main)
    program.write_text(launcher)
    program.chmod(0o755)
    return program.parent


def _copy(engine: Engine, into: Path, *artifacts: str) -> None:
    """Copy artifacts and all that they need into a folder."""
    into.mkdir(parents=True)
    pom = into / "pom.xml"
    dependencies = [DEPENDENCY.format(*artifact.split(":"), engine=engine.group) for artifact in artifacts]
    pom.write_text(POM.format(dependencies="\n".join(dependencies)))
    subprocess.run(["mvn", "-q", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={into}"], check=True)
    pom.unlink()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], None]]:
    """Return what puts an engine on PATH: assembled from its jars, unless it is there."""
    before = os.environ["PATH"]

    def put(name: str) -> None:
        if shutil.which(name):
            return
        if not shutil.which("mvn"):
            advice = "unpack a release, and put its bin there"
            raise ProgramMissing(f"{name}: not found on PATH, and no mvn to fetch its jars; {advice}")
        found = assemble(ENGINES[name], tmp_path_factory.mktemp("engines") / name)
        os.environ["PATH"] = f"{found}{os.pathsep}{os.environ['PATH']}"

    yield put
    os.environ["PATH"] = before
