<?php
use PHPUnit\Framework\TestCase;

final class SkippedTest extends TestCase
{
    public static function setUpBeforeClass(): void { self::markTestSkipped('not here'); }
    public function testOne(): void { $this->assertTrue(true); }
    public function testTwo(): void { $this->assertTrue(true); }
}
