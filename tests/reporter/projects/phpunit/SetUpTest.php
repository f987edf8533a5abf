<?php
use PHPUnit\Framework\TestCase;

final class SetUpTest extends TestCase
{
    public static function setUpBeforeClass(): void { throw new RuntimeException('no server'); }
    public function testOne(): void { $this->assertTrue(true); }
    public function testTwo(): void { $this->assertTrue(true); }
}
